//! Dispatcher, workers, limits, budget, ledger, retry.
