//! A router that knows what it serves, so that what is written of the server's calls can be held against it.

use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, any, on};

use crate::service::Service;

/// A call: a method, and the path as the router has it, with `{names}` for its parts. What is read by `GET` is
/// answered to `HEAD` too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Routes, and the calls that they are. Everything that the server answers is made of these.
#[derive(Default)]
pub(crate) struct Calls {
    router: Router<Service>,
    list: Vec<Call>,
}

impl Calls {
    pub(crate) fn get<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        self.on("GET", MethodFilter::GET, path, handler)
    }

    pub(crate) fn post<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        self.on("POST", MethodFilter::POST, path, handler)
    }

    pub(crate) fn put<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        self.on("PUT", MethodFilter::PUT, path, handler)
    }

    pub(crate) fn patch<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        self.on("PATCH", MethodFilter::PATCH, path, handler)
    }

    pub(crate) fn delete<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        self.on("DELETE", MethodFilter::DELETE, path, handler)
    }

    fn on<T: 'static>(
        mut self,
        method: &'static str,
        filter: MethodFilter,
        path: &str,
        handler: impl Handler<T, Service>,
    ) -> Self {
        self.list.push(Call::new(method, path));
        Self { router: self.router.route(path, on(filter, handler)), ..self }
    }

    /// A path below which a handler tells apart by itself which of these calls is meant.
    pub(crate) fn all<T: 'static>(
        mut self,
        path: &str,
        handler: impl Handler<T, Service>,
        calls: impl IntoIterator<Item = Call>,
    ) -> Self {
        self.list.extend(calls);
        Self { router: self.router.route(path, any(handler)), ..self }
    }

    /// A path at which there is nothing, and a handler that says so in the words of its protocol.
    pub(crate) fn nothing<T: 'static>(self, path: &str, handler: impl Handler<T, Service>) -> Self {
        Self { router: self.router.route(path, any(handler)), ..self }
    }

    /// These below a path.
    pub(crate) fn nest(mut self, prefix: &str, below: Self) -> Self {
        let calls = below.list.into_iter();
        self.list.extend(calls.map(|call| Call { path: format!("{prefix}{}", call.path), ..call }));
        Self { router: self.router.nest(prefix, below.router), ..self }
    }

    /// These beside them.
    pub(crate) fn merge(mut self, beside: Self) -> Self {
        self.list.extend(beside.list);
        Self { router: self.router.merge(beside.router), ..self }
    }

    /// What is around all of them, or answers what none of them is.
    pub(crate) fn with(self, change: impl FnOnce(Router<Service>) -> Router<Service>) -> Self {
        Self { router: change(self.router), ..self }
    }

    pub(crate) fn into_router(self) -> Router<Service> {
        self.router
    }

    pub(crate) fn into_list(self) -> Vec<Call> {
        self.list
    }
}
