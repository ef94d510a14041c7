// Uploads an object as a device does with an SDK of the AWS Common Runtime: its
// X.509 provider fetches credentials over mutual TLS, always on port 443, and
// its signer signs with them.
//
//   node fetch.js ENDPOINT THING ROLE_ALIAS CERTIFICATE KEY CA REGION API_URL BUCKET/KEY
//
// Prints the status of the upload, and its answer if it is refused.
"use strict";

const { auth, http, io } = require("aws-crt");

const [endpoint, thingName, roleAlias, certificate, key, ca, region, api, object] = process.argv.slice(2);

function provider() {
  const options = io.TlsContextOptions.create_client_with_mtls_from_path(certificate, key);
  options.override_default_trust_store_from_path(undefined, ca);
  return auth.AwsCredentialsProvider.newX509({
    endpoint, thingName, roleAlias, tlsContext: new io.ClientTlsContext(options),
  });
}

async function main() {
  const url = new URL(api + "/" + object);
  const request = new http.HttpRequest("PUT", url.pathname, new http.HttpHeaders([["host", url.host]]));
  await auth.aws_sign_request(request, {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
    provider: provider(),
    region,
    service: "s3",
    date: new Date(),
    use_double_uri_encode: false,
    should_normalize_uri_path: false,
    signed_body_value: "UNSIGNED-PAYLOAD",
    signed_body_header: auth.AwsSignedBodyHeaderType.XAmzContentSha256,
  });
  const headers = {};
  for (const [name, value] of request.headers) {
    if (name.toLowerCase() !== "host") headers[name] = value;
  }
  const answer = await fetch(url, { method: "PUT", headers, body: "from the common runtime" });
  console.log(answer.status, await answer.text());
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
