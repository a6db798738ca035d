//! Keeps a panic in a provider's code inside the call in which it happened.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::Diagnostic;

/// What `work` comes to, or an error that says that it panicked while `doing` something.
///
/// Unwind safety is asserted: a provider's shared state after a panic is its own affair, and it hears of it by the
/// poisoned locks of the standard library.
pub(super) async fn guarded<T>(
    doing: &str,
    work: impl Future<Output = T>,
) -> Result<T, Diagnostic> {
    let result = AssertUnwindSafe(work).catch_unwind().await;
    result.map_err(|panic| panicked(doing, panic.as_ref()))
}

/// The same of work that waits for nothing: validators and plan modifiers are an author's too.
pub(super) fn guarded_now<T>(doing: &str, work: impl FnOnce() -> T) -> Result<T, Diagnostic> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| panicked(doing, panic.as_ref()))
}

fn panicked(doing: &str, panic: &(dyn Any + Send)) -> Diagnostic {
    Diagnostic::error(
        format!("The provider panicked while {doing}; this is a bug"),
        format!(
            "It said: {}\nOther resources are not touched by it. Please report it to the provider's authors.",
            message(panic)
        ),
    )
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing that can be shown")
}
