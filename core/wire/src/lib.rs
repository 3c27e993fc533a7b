//! What both ends of a load connection share: socket counters, payload, receiver and sender loops.
