//! Sample in, verdict with reason codes out.
