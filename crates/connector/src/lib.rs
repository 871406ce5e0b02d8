//! The connector SDK: manifest, the Connector trait, errors
