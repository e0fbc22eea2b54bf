//! Clients generated from `openapi.json` in four languages, regenerated for each run: each is checked by the strictest
//! rules of its language and runs one scenario against the built server.
//!
//! The scenario: sign up, log in, fetch a picture as bytes, ask 25 questions (each twice, with a key), page through them
//! by cursor, edit one, answer it, refresh, log out; and meet a 400, 401, 403, 409, 412 and 429 on the way and read `code`
//! from each. Rust takes minutes to compile and is left out unless asked for: `-- --include-ignored`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use ro_co_tests::{
    Server,
    needs::{self, Need, case},
    node::{self, openapi},
    programs::{tools, workspace},
};

/// The media type of problems, which progenitor does not treat as JSON.
const PROBLEM: &str = "application/problem+json";

fn main() -> ExitCode {
    needs::main(vec![
        case("python_by_openapi_python_client", &[Need::Python], python),
        case("python_by_openapi_generator", &[Need::Python, Need::Java], openapi_generator),
        case("typescript_by_hey_api", &[Need::Node], typescript),
        case("rust_by_progenitor", &[], rust).with_ignored_flag(true),
    ])
}

fn python() {
    let place = tempfile::tempdir().unwrap();
    let files = clients().join("python");
    let mut generate = python_tool("openapi-python-client");
    generate
        .args(["generate", "--meta", "none", "--fail-on-warning", "--config"])
        .arg(files.join("config.yaml"));
    generate.arg("--path").arg(openapi()).arg("--output-path").arg(place.path().join("roco_client"));
    let said = succeeded(&mut generate);
    assert!(!said.contains("WARNING"), "{said}");
    let scenario = files.join("scenario.py");
    let mut types = python_tool("mypy");
    types
        .arg("--config-file")
        .arg(files.join("mypy.ini"))
        .args(["-p", "roco_client"])
        .env("MYPYPATH", place.path());
    succeeded(types.current_dir(place.path()));
    let mut types = python_tool("mypy");
    types.arg("--config-file").arg(files.join("mypy.ini")).arg(&scenario).env("MYPYPATH", place.path());
    succeeded(types.current_dir(place.path()));
    play(python_tool("python").arg(scenario).env("PYTHONPATH", place.path()));
}

fn openapi_generator() {
    let place = tempfile::tempdir().unwrap();
    let mut generate = python_tool("openapi-generator-cli");
    generate.args(["generate", "-g", "python", "--package-name", "roco_generated", "-i"]).arg(openapi());
    generate.args(["--global-property", "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"]);
    only_its_own_warning(&succeeded(generate.arg("-o").arg(place.path())));
    // The generator ships its own mypy rules for the generated code.
    let scenario = clients().join("python-openapi-generator/scenario.py");
    let mut types = python_tool("mypy");
    types.arg("--config-file").arg(place.path().join("pyproject.toml")).arg("-p").arg("roco_generated");
    succeeded(types.env("MYPYPATH", place.path()).current_dir(place.path()));
    let mut types = python_tool("mypy");
    types.arg("--config-file").arg(place.path().join("pyproject.toml")).arg(&scenario);
    succeeded(types.env("MYPYPATH", place.path()).current_dir(place.path()));
    play(python_tool("python").arg(scenario).env("PYTHONPATH", place.path()));
}

/// Printed for every document with a schema.
fn only_its_own_warning(said: &str) {
    let complaints = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    let others: Vec<_> =
        complaints.filter(|line| !line.contains("Failed to get the schema name: null")).collect();
    assert!(others.is_empty(), "{others:?}\n{said}");
}

fn typescript() {
    // Beside the packages, for the generator's settings are a module.
    let place = tempfile::tempdir_in(tools().join("node")).unwrap();
    for file in ["openapi-ts.config.mjs", "scenario.ts", "tsconfig.json"] {
        fs::copy(clients().join("typescript").join(file), place.path().join(file)).unwrap();
    }
    let mut generate = node::program("openapi-ts");
    generate.args(["-f", "openapi-ts.config.mjs", "-i"]).arg(openapi()).current_dir(place.path());
    let said = succeeded(&mut generate);
    assert!(!said.contains("⚠"), "{said}");
    succeeded(node::program("tsc").args(["-p", "."]).current_dir(place.path()));
    play(Command::new("node").arg("out/scenario.js").current_dir(place.path()));
}

fn rust() {
    // A persistent directory with a persistent target directory: after the first build it takes seconds.
    let place = workspace().join("target/clients/rust");
    fs::create_dir_all(place.join("src")).unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        fs::copy(clients().join("rust").join(file), place.join(file)).unwrap();
    }
    let description = fs::read_to_string(openapi()).unwrap();
    fs::write(place.join("openapi.json"), description.replace(PROBLEM, "application/json")).unwrap();
    succeeded(Command::new(env!("CARGO")).args(["build", "--quiet", "--locked"]).current_dir(&place));
    play(&mut Command::new(place.join("target/debug/ro-co-client-scenario")));
}

fn clients() -> PathBuf {
    workspace().join("tests/clients")
}

/// A program of the Python environment, which finds the others there.
fn python_tool(name: &str) -> Command {
    let bin = tools().join("python/bin");
    let path = format!("{}:{}", bin.display(), env::var("PATH").unwrap());
    let mut command = Command::new(bin.join(name));
    command
        .env("PATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("MYPY_CACHE_DIR", Path::new("/dev/null"));
    command
}

/// Runs a scenario against a server of its own.
#[track_caller]
fn play(scenario: &mut Command) {
    let server = Server::start();
    let said = succeeded(scenario.arg(server.url()));
    assert!(said.ends_with("played to the end\n"), "{said}");
}

/// Runs a command that must succeed; returns its output.
#[track_caller]
fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&[stderr, stdout].concat()).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{said}");
    said
}
