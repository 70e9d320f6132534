//! The binary of Piton: see [`piton_scheduler::cli`].

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Fails only where a provider is there already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    piton_scheduler::cli::main(std::env::args_os())
}
