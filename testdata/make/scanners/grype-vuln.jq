# Puts a JSON report of Grype into the predicate of cosign's type `vuln`: jq -f grype-vuln.jq grype.json >predicate.json
{
  invocation: {parameters: [], uri: "", event_id: "", "builder.id": ""},
  scanner: {
    uri: "pkg:github/anchore/grype@v\(.descriptor.version)",
    version: .descriptor.version,
    db: {
      uri: (.descriptor.db.status.from // ""),
      version: .descriptor.db.status.schemaVersion,
      lastUpdate: .descriptor.db.status.built
    },
    result: .
  },
  metadata: {scanStartedOn: .descriptor.timestamp, scanFinishedOn: .descriptor.timestamp}
}
