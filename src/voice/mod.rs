//! What callers hear in words: sentences made of recorded phrases, numbers, and names read aloud.
//!
//! The phrases are read aloud once, at build time (`build.rs`, from `words/`), and lie in the binary; a file in the data
//! directory's `prompts/LANGUAGE/` takes the place of a built-in one. Names of conferences and of people are read aloud when
//! they are needed, where espeak-ng is on the machine.

mod builtin;
mod library;
mod phrase;
mod reader;
mod sentence;
mod wave;

pub use library::Voice;
pub use phrase::Phrase;
pub use sentence::{Piece, Sentence};
