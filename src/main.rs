use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tradein::commands::{caps, migrate, servers};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trade-in subsidy vouchers: claim, verify, redeem, and prove every fen.
#[derive(Parser)]
#[command(name = "tradein", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Caps(caps::Caps),
    Migrate(migrate::Migrate),
    Servers(servers::Servers),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Caps(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Servers(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
