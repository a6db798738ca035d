//! `build.rs` chooses what a panic unwinds the stack with. That a panic fails one call and no other depends on it.

use std::panic::catch_unwind;
use std::thread;

// Only what names something of the library is linked as the binary is.
use terraform_provider_coe::CoeProvider;

#[test]
fn a_panic_is_caught_and_does_not_end_the_process() {
    let caught = catch_unwind(|| {
        let _provider = CoeProvider::default();
        panic!("as an author's bug does");
    });
    assert!(caught.is_err());
    let joined = thread::spawn(|| panic!("in another thread")).join();
    assert!(joined.is_err());
}
