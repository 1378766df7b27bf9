//! What pages are made of.

mod bars;
mod key;
mod list;
mod meter;
mod numbers;
mod when;

pub(super) use bars::{Bar, bars};
pub(super) use key::key;
pub(super) use list::{Column, heads, pager, plain_heads};
pub(super) use meter::meter;
pub(super) use numbers::{bytes, count, counted};
pub(super) use when::{ahead, every, span, when};
