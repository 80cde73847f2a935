//! Responses.

use bytes::Bytes;

use super::{Class, Headers, StatusCode};

#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    /// The reason phrase; may be empty, is for people only.
    pub reason: String,
    pub headers: Headers,
    pub body: Bytes,
}

impl Response {
    /// Without headers. [`super::Request::response`] makes one that answers.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: status.default_reason().to_owned(), headers: Headers::new(), body: Bytes::new() }
    }

    pub fn class(&self) -> Class {
        self.status.class()
    }
}
