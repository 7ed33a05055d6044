"""Generate `exitkit/knowledge/aws/catalog.json.gz` from what AWS publishes about its own API."""
