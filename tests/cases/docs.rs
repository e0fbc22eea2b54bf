//! Every shell and Python block of the API guide is executed unmodified.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use ro_co_tests::{
    Options, Server,
    needs::{self, Need, case},
    programs::workspace,
};

fn main() -> ExitCode {
    needs::main(vec![
        case("authenticate", &[Need::Scripting], || run("authenticate")),
        case("page", &[Need::Scripting], || run("page")),
        case("handle_errors", &[Need::Scripting], || run("handle-errors")),
        case("create_safely", &[Need::Scripting], || run("create-safely")),
        case("every_page_is_run_and_linked", &[], complete),
    ])
}

/// Runs the blocks of a page against a server with a host name to itself, and against one below a path.
fn run(page: &str) {
    for base_path in ["", "/roco"] {
        run_below(base_path, page);
    }
}

/// Runs the blocks of a page in order, in a temporary directory, against a server of their own.
fn run_below(base_path: &str, page: &str) {
    let server = Server::start_with(Options::default().args(&["--base-path", base_path]));
    let url = server.url() + base_path;
    let place = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(pages().join(page).with_extension("md")).unwrap();
    let blocks = blocks(&text);
    for language in ["sh", "python"] {
        assert!(blocks.iter().any(|(l, _)| *l == language), "{page}: no {language}");
    }
    for (language, block) in blocks {
        let mut command = match language {
            // A shell that stops at the first failure, also within a pipe.
            "sh" => Command::new("bash"),
            "python" => Command::new("python3"),
            other => panic!("{page}: a block in {other} is not run"),
        };
        match language {
            "sh" => command.args(["-euo", "pipefail", "-c", block]),
            _ => command.args(["-I", "-W", "error", "-c", block]),
        };
        let output = command.env("ROCO", &url).current_dir(place.path()).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{url}, {page}, {language}: {}\n{block}\n{said}", output.status);
    }
}

/// The fenced blocks of a page, each with its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap_or_else(|| panic!("an empty block"))).collect()
}

fn pages() -> std::path::PathBuf {
    workspace().join("docs/api")
}

fn complete() {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/docs.rs")).unwrap();
    let index = fs::read_to_string(pages().join("README.md")).unwrap();
    for entry in fs::read_dir(pages()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(page) = name.strip_suffix(".md").filter(|page| *page != "README") else { continue };
        assert!(source.contains(&format!("run(\"{page}\")")), "{page} is not run");
        assert!(index.contains(&name), "{page} is not linked");
    }
}
