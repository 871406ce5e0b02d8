//! The valetkey binary: command line, configuration, HTTP API, connect page
