//! The embedded stack does everything we rely on AWS to do: the suite itself, as a user runs it.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use running_stack::start;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_stack_passes_the_whole_suite() {
    let (folder, stack) = start().await;
    let page = folder.path("table.md");
    let mut suite = tokio::process::Command::new(env!("CARGO_BIN_EXE_paddock-localstack"));
    suite.args(["conformance", "--endpoint", &stack.endpoint_url(), "--table-out"]).arg(&page);
    let output = suite
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .output();
    let output = output.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(" 0 fail, 0 unsupported") && page.contains("| DynamoDB |"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_refuses_every_third_write_does_not_pass() {
    let (_folder, stack) = start().await;
    stack.endpoint().faults.set("throttle=1/3".parse().unwrap());
    let mut suite = tokio::process::Command::new(env!("CARGO_BIN_EXE_paddock-localstack"));
    suite.args(["conformance", "--services", "dynamodb", "--endpoint", &stack.endpoint_url()]);
    let output = suite
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .output();
    let output = output.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && printed.contains("FAIL"), "{printed}");
    assert!(printed.contains("not asked: streams, sqs, s3"), "{printed}");
}
