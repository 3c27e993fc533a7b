//! The engine on a phone: plan, run, sockets, outbox, planner.
