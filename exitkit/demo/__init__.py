"""A small real estate on loopback, for the demo command and the tests; nothing else imports it."""
