//! The description is good enough for tools: linted, a client generated from it works, Swagger UI runs offline.

use std::{
    process::{Command, ExitCode, Output},
    str,
};

use ro_co_tests::{
    Server,
    needs::{self, Need, case},
    node::{self, openapi},
    programs::{tools, workspace},
};

fn main() -> ExitCode {
    needs::main(vec![
        case("the_description_is_without_fault", &[Need::Node], lint),
        case("a_generated_python_client_works", &[Need::Python], python),
        case("swagger_ui_runs_offline", &[Need::Chromium], swagger),
    ])
}

fn lint() {
    let rules = workspace().join("tests/openapi.spectral.yaml");
    let mut spectral = node::program("spectral");
    spectral.arg("lint").arg(openapi()).arg("--ruleset").arg(rules).args([
        "--fail-severity",
        "warn",
        "--quiet",
    ]);
    succeeded(&spectral.output().unwrap());
}

fn python() {
    let server = Server::start();
    let place = tempfile::tempdir().unwrap();
    let bin = tools().join("python/bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let generated = Command::new(bin.join("openapi-python-client"))
        .args(["generate", "--meta", "none", "--path"])
        .arg(openapi())
        .arg("--output-path")
        .arg(place.path().join("roco_client"))
        .env("PATH", path)
        .output()
        .unwrap();
    succeeded(&generated);
    only_pictures_are_missing(&generated);
    let played = Command::new(bin.join("python"))
        .arg(workspace().join("tests/clients/python/scenario.py"))
        .arg(server.url())
        .env("PYTHONPATH", place.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    succeeded(&played);
    assert!(str::from_utf8(&played.stdout).unwrap().ends_with("played to the end\n"));
}

/// The generator knows no pictures (their bytes are there all the same); anything else it must understand.
fn only_pictures_are_missing(generated: &Output) {
    let said = [&*generated.stdout, &*generated.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let complaints = said.lines().filter(|line| line.contains("WARNING") || line.contains("ERROR"));
    let others: Vec<_> = complaints.filter(|line| !line.contains("/icon")).collect();
    assert!(others.is_empty(), "{others:?}\n{said}");
}

fn swagger() {
    let server = Server::start();
    let played = node::script("clients/browser/swagger.mjs").arg(server.url()).output().unwrap();
    succeeded(&played);
    assert!(str::from_utf8(&played.stdout).unwrap().ends_with("played to the end\n"));
}

#[track_caller]
fn succeeded(output: &Output) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, said(&output.stdout), said(&output.stderr));
}
