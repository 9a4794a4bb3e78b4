"""linkwatch: watches a Signzy Instant Link verification until it ends. The core: it takes arguments and reads no environment."""
