#!/bin/sh
# Deploys infra/template.yaml, the same file the embedded stack reads, into LocalStack.
# UNVERIFIED (see docker-compose.yml).
#
# LocalStack Free has no HTTP APIs, so the copy that is deployed loses the HttpApi resource, its
# events and its output, and gets function URLs for the two functions behind it.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awslocal s3 mb s3://paddock-packages
for function in api agents reconcile events; do
    (cd "/paddock/target/lambda/$function" && python3 -m zipfile -c "$work/$function.zip" bootstrap)
    awslocal s3 cp "$work/$function.zip" "s3://paddock-packages/$function.zip"
done

python3 - /paddock/infra/template.yaml "$work/template.yaml" <<'END'
import re
import sys

text = open(sys.argv[1]).read()
for function in ("api", "agents", "reconcile", "events"):
    text = text.replace(f"../target/lambda/{function}/", f"s3://paddock-packages/{function}.zip")
# The resource and the output, then each event of type HttpApi.
text = re.sub(r"(?m)^  HttpApi:\n(?:    .*\n|\n)+", "", text)
text = re.sub(r"(?m)^  HttpApiUrl:\n(?:    .*\n)+", "", text)
text = re.sub(r"(?m)^        \w+:\n          Type: HttpApi\n          Properties: .*\n", "", text)
# One has its URL already; both get theirs in the place of their events.
text = re.sub(r"(?m)^      FunctionUrlConfig: .*\n", "", text)
text = re.sub(r"(?m)^      Events:\n(?=\n|  \w|  #)", "      FunctionUrlConfig: { AuthType: NONE }\n", text)
open(sys.argv[2], "w").write(text)
END

awslocal cloudformation deploy \
    --stack-name paddock \
    --template-file "$work/template.yaml" \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \
    --parameter-overrides \
        "MasterKey=$PADDOCK_MASTER_KEY" \
        "JoinTokenSha256=$PADDOCK_JOIN_TOKEN_SHA256"
for function in paddock-api paddock-agents; do
    awslocal lambda get-function-url-config --function-name "$function" --query FunctionUrl --output text
done
