//! Breaking changes of `openapi.json` are listed in CHANGELOG.md; and which changes are breaking.

use std::{
    fs,
    process::{Command, ExitCode},
};

use libtest_mimic::{Completion, Failed, Trial};
use ro_co_tests::{
    breaking::breaks,
    needs::{self, case},
    node::openapi,
    programs::workspace,
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    needs::main(vec![
        Trial::ignorable_test("what_breaks_is_in_the_changelog", noted),
        case("the_same_breaks_nothing", &[], || found(&document(), &[])),
        case("what_goes_away_breaks", &[], removals),
        case("what_is_demanded_of_requests_breaks", &[], demands),
        case("limits_break_by_the_way_a_value_goes", &[], limits),
        case("what_is_added_breaks_nothing", &[], additions),
    ])
}

/// Compares with the previous version: the last commit's, or if the file is unmodified the one before that.
fn noted() -> Result<Completion, Failed> {
    let file = fs::read_to_string(openapi()).unwrap();
    let last = git(&["log", "-n", "1", "--format=%H", "--", "openapi.json"]);
    let versions =
        ["HEAD:openapi.json".to_owned(), format!("{}^:openapi.json", last.unwrap_or_default().trim())];
    let Some(before) = versions.iter().filter_map(|v| git(&["show", v])).find(|text| *text != file) else {
        return Ok(Completion::ignored_with("no earlier version of openapi.json in a git history here"));
    };
    let found = breaks(&serde_json::from_str(&before)?, &serde_json::from_str(&file)?);
    let changelog = fs::read_to_string(workspace().join("CHANGELOG.md")).unwrap();
    let unreleased = changelog.split("\n## ").nth(1).unwrap_or_default();
    let missing: Vec<_> = found.iter().filter(|f| !unreleased.contains(&subject(f))).cloned().collect();
    if missing.is_empty() {
        return Ok(Completion::Completed);
    }
    Err(format!(
        "clients break, and the newest part of CHANGELOG.md does not name it:\n{}",
        missing.join("\n")
    )
    .into())
}

/// The subject of a finding, in its backticks.
fn subject(finding: &str) -> String {
    finding.split_inclusive('`').take(2).collect()
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(workspace()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}

fn document() -> Value {
    let thing = json!({"$ref": "#/components/schemas/Thing"});
    json!({
        "paths": {"/thing": {
            "get": {
                "operationId": "readThing",
                "security": [],
                "parameters": [{"in": "query", "name": "size", "schema": {"type": "integer", "minimum": 1, "maximum": 9}}],
                "responses": {"200": {"headers": {"ETag": {}}, "content": {"application/json": {"schema": thing}}}, "404": {}},
            },
            "put": {
                "operationId": "writeThing",
                "requestBody": {"content": {"application/json": {"schema": thing}}},
                "responses": {"200": {}},
            },
        }},
        "components": {"schemas": {"Thing": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 10},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "part": thing,
            },
        }}},
    })
}

/// The document with another value at a place.
fn with(place: &str, value: Value) -> Value {
    let mut changed = document();
    *changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
    changed
}

#[track_caller]
fn found(changed: &Value, expected: &[&str]) {
    let found = breaks(&document(), changed);
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

const READ: &str = "/paths/~1thing/get";
const THING: &str = "/components/schemas/Thing";

fn removals() {
    found(&with(READ, json!(null)), &["`readThing` is gone from get /thing"]);
    found(&with(&format!("{READ}/operationId"), json!("thing")), &["`readThing` is now called \"thing\""]);
    found(&with(&format!("{READ}/responses/404"), json!(null)), &["`readThing` no longer describes 404"]);
    found(&with(&format!("{READ}/parameters"), json!([])), &["`readThing` no longer knows the query size"]);
    found(
        &with(&format!("{READ}/responses/200/headers"), json!({})),
        &["`readThing` no longer sends ETag with 200"],
    );
    found(&with(&format!("{THING}/properties/kind"), json!(null)), &["`Thing` has no kind"]);
    found(
        &with(&format!("{READ}/responses/200/content"), json!({"text/plain": {}})),
        &["`readThing` no longer answers 200 with application/json"],
    );
}

fn demands() {
    found(&with(&format!("{THING}/required"), json!(["name", "kind"])), &["`Thing` demands kind"]);
    found(&with(&format!("{THING}/required"), json!([])), &["`Thing` may lack name"]);
    found(
        &with(&format!("{READ}/security"), json!([{"token": []}])),
        &["`readThing` takes other credentials"],
    );
    let parameters = format!("{READ}/parameters");
    let mut both = document().pointer(&parameters).unwrap().as_array().unwrap().clone();
    both.push(json!({"in": "query", "name": "why", "required": true}));
    found(&with(&parameters, both.clone().into()), &["`readThing` demands the query why"]);
    both[1]["required"] = json!(false);
    found(&with(&parameters, both.into()), &[]);
}

fn limits() {
    let maximum = format!("{READ}/parameters/0/schema/maximum");
    found(&with(&maximum, json!(8)), &["`readThing` has another maximum"]);
    found(&with(&maximum, json!(10)), &[]);
    // The schema is sent and received: narrowing breaks senders, widening breaks readers.
    let length = format!("{THING}/properties/name/maxLength");
    found(&with(&length, json!(9)), &["`Thing` `name` has another maxLength"]);
    found(&with(&length, json!(11)), &["`Thing` `name` has another maxLength"]);
    let kinds = format!("{THING}/properties/kind/enum");
    found(&with(&kinds, json!(["a"])), &["`Thing` `kind` may no longer be b"]);
    found(&with(&kinds, json!(["a", "b", "c"])), &["`Thing` `kind` may now be c"]);
    found(
        &with(&format!("{THING}/properties/name/type"), json!("integer")),
        &["`Thing` `name` was \"string\" and is \"integer\""],
    );
}

fn additions() {
    let mut changed = document();
    changed["paths"]["/other"] = json!({"get": {"operationId": "other"}});
    changed["paths"]["/thing"]["get"]["responses"]["429"] = json!({});
    changed["components"]["schemas"]["Thing"]["properties"]["more"] = json!({"type": "string"});
    found(&changed, &[]);
}
