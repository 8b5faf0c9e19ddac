mod harness;
mod local;
mod local_ends;
