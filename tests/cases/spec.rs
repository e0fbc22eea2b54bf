//! `openapi.json` passes three linters, and Swagger UI works offline.

use std::{
    process::{Command, ExitCode, Output},
    str,
};

use ro_co_tests::{
    Person, Server,
    needs::{self, Need, case},
    node::{self, openapi},
    programs::{tools, workspace},
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    needs::main(vec![
        case("the_description_is_valid", &[Need::Python], validator),
        case("spectral_finds_nothing", &[Need::Node], spectral),
        case("redocly_finds_nothing", &[Need::Node], redocly),
        case("swagger_ui_runs_offline", &[Need::Chromium], swagger),
    ])
}

fn validator() {
    let mut validator = Command::new(tools().join("python/bin/openapi-spec-validator"));
    succeeded(&validator.arg(openapi()).output().unwrap());
}

fn spectral() {
    let rules = workspace().join("tests/openapi.spectral.yaml");
    let mut spectral = node::program("spectral");
    spectral.arg("lint").arg(openapi()).arg("--ruleset").arg(rules).args([
        "--fail-severity",
        "warn",
        "--quiet",
    ]);
    succeeded(&spectral.output().unwrap());
}

fn redocly() {
    let mut redocly = node::program("redocly");
    redocly.arg("lint").arg(openapi()).arg("--config").arg(workspace().join("tests/openapi.redocly.yaml"));
    // Warnings do not change its exit status.
    redocly
        .args(["--format", "json"])
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let output = redocly.output().unwrap();
    succeeded(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"], json!({"errors": 0, "warnings": 0, "ignored": 0}), "{report:#}");
}

/// Every operation is tried; a screenshot is saved as `target/swagger-ui.png`.
fn swagger() {
    let server = Server::start();
    let root = Person::sign_up(&server, "grace");
    assert!(server.admin(&["admin", "grant", &root.email]).status.success());
    let mut browser = node::script("clients/browser/swagger.mjs");
    browser.args([&server.url(), &root.token, &root.refresh]).arg(workspace().join("target/swagger-ui.png"));
    let played = browser.output().unwrap();
    succeeded(&played);
    let said = str::from_utf8(&played.stdout).unwrap();
    let description: Value = serde_json::from_slice(&server.open("/openapi.json").body).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let operations: usize = paths.map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(said, format!("tried {operations} operations\nplayed to the end\n"));
}

#[track_caller]
fn succeeded(output: &Output) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, said(&output.stdout), said(&output.stderr));
}
