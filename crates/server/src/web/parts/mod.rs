//! What pages are made of.

mod bars;
mod key;
mod list;
mod meter;
mod numbers;
mod rate;
mod stacks;
mod when;

pub(super) use bars::{Bar, bars};
pub(super) use key::key;
pub(super) use list::{Column, heads, older, pager, plain_heads};
pub(super) use meter::meter;
pub(super) use numbers::{bytes, count, counted};
pub(super) use rate::rate;
pub(super) use stacks::{Chart, Stack, stacks};
pub(super) use when::{ahead, day, every, span, took, when};
