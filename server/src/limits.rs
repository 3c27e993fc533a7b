//! Every limit of the server, each with its reason.
