//! Things of a shard by slot and by id. Room for all of them is made at the start.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use super::io::Slot;

#[derive(Debug)]
pub(super) struct Table<Id, T> {
    things: Vec<Option<Box<T>>>,
    slots: HashMap<Id, Slot>,
    /// The lowest last, so that slots in use stay close together.
    free: Vec<Slot>,
}

impl<Id: Copy + Eq + Hash + Debug, T> Table<Id, T> {
    pub fn new(most: usize) -> Self {
        let mut things = Vec::new();
        things.resize_with(most, || None);
        let free = (0..most as u32).rev().map(Slot).collect();
        Self { things, slots: HashMap::with_capacity(most), free }
    }

    /// Gives the thing back when the table is full or knows the id already.
    pub fn insert(&mut self, id: Id, thing: Box<T>) -> Result<Slot, Box<T>> {
        if self.slots.contains_key(&id) {
            return Err(thing);
        }
        let Some(slot) = self.free.pop() else { return Err(thing) };
        self.things[slot.index()] = Some(thing);
        self.slots.insert(id, slot);
        Ok(slot)
    }

    pub fn remove(&mut self, id: Id) -> Option<(Slot, Box<T>)> {
        let slot = self.slots.remove(&id)?;
        self.free.push(slot);
        Some((slot, self.things[slot.index()].take()?))
    }

    pub fn slot_of(&self, id: Id) -> Option<Slot> {
        self.slots.get(&id).copied()
    }

    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.things.get(slot.index())?.as_deref()
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.things.get_mut(slot.index())?.as_deref_mut()
    }

    pub fn find(&mut self, id: Id) -> Option<(Slot, &mut T)> {
        let slot = self.slot_of(id)?;
        Some((slot, self.get_mut(slot)?))
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// All things in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter().filter_map(Option::as_deref).take(self.slots.len())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.iter_mut().filter_map(Option::as_deref_mut).take(self.slots.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_a_full_table_refuses() {
        let mut table = Table::new(2);
        let first = table.insert('a', Box::new(1)).expect("room");
        table.insert('b', Box::new(2)).expect("room");
        assert_eq!(table.insert('c', Box::new(3)), Err(Box::new(3)));
        assert_eq!(table.insert('b', Box::new(3)), Err(Box::new(3)));
        assert_eq!(table.remove('a'), Some((first, Box::new(1))));
        assert_eq!(table.insert('c', Box::new(3)), Ok(first));
        assert_eq!(table.iter().copied().collect::<Vec<_>>(), [3, 2]);
        assert_eq!(table.find('a'), None);
    }
}
