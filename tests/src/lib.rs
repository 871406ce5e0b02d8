//! Black-box tests: run the real binary, named by what a user does
