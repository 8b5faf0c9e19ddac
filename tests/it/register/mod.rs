mod gate;
mod holdings;
