//! Takes what a panic unwinds the stack with from the compiler's static library, so that a release build needs the C
//! library and nothing else of the machine that it runs on.
//!
//! Named before the standard library, which names the shared one: the linker leaves out a shared library of which it
//! needs nothing any more.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|is| is == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-lib=gcc_eh");
    }
}
