//! What is said: pieces, one after the other.

use super::phrase::Phrase;

/// Numbers up to this are read as one word; build.rs reads them aloud.
pub(super) const LARGEST_WORD: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Phrase(Phrase),
    /// "Seventeen".
    Count(usize),
    /// "Seven, zero, zero, one": what is no digit is left out.
    Digits(String),
    /// Read aloud as it is written; left out where nothing can read.
    Name(String),
    /// A conference by its title, or by its number where nothing can read or there is no title.
    Title {
        title: String,
        number: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

impl Sentence {
    pub fn then(mut self, piece: impl Into<Piece>) -> Self {
        self.0.push(piece.into());
        self
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

impl<P: Into<Piece>> From<P> for Sentence {
    fn from(piece: P) -> Self {
        Self(vec![piece.into()])
    }
}

impl From<Phrase> for Piece {
    fn from(phrase: Phrase) -> Self {
        Self::Phrase(phrase)
    }
}

/// The recordings that read a number: one word where it is small, digits where it is not.
pub(super) fn count(number: usize) -> Vec<String> {
    if number <= LARGEST_WORD { vec![number_name(number)] } else { digits(&number.to_string()) }
}

pub(super) fn digits(text: &str) -> Vec<String> {
    text.chars().filter_map(|c| c.to_digit(10)).map(|digit| number_name(digit as usize)).collect()
}

fn number_name(number: usize) -> String {
    format!("number-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_words_and_large_ones_digits() {
        assert_eq!(count(50), ["number-50"]);
        assert_eq!(count(105), ["number-1", "number-0", "number-5"]);
        assert_eq!(digits("+70 x2"), ["number-7", "number-0", "number-2"]);
    }
}
