use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tradein::commands::{
    audit, bench, books, caps, demo, goods, healthcheck, import, keys, migrate, openapi,
    programmes, serve, servers, token, vault,
};

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
    Audit(audit::Audit),
    Bench(bench::Bench),
    Books(books::BooksCommand),
    Caps(caps::Caps),
    Demo(demo::Demo),
    Goods(goods::Goods),
    Healthcheck(healthcheck::Healthcheck),
    Import(import::Import),
    Keys(keys::Keys),
    Migrate(migrate::Migrate),
    Openapi(openapi::OpenApi),
    Programmes(programmes::Programmes),
    Serve(serve::Serve),
    Servers(servers::Servers),
    Token(token::Token),
    Vault(vault::Vault),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Audit(command) => return ended(command.run()),
        Command::Bench(command) => command.run(),
        Command::Books(command) => command.run(),
        Command::Caps(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Goods(command) => command.run(),
        Command::Healthcheck(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Openapi(command) => command.run(),
        Command::Programmes(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Servers(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Vault(command) => command.run(),
    };
    ended(done.map(|()| ExitCode::SUCCESS))
}

fn ended(done: anyhow::Result<ExitCode>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
