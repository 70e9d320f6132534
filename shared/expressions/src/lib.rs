//! Filters and inputs of triggers, as expressions over events.
