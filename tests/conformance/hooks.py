"""A check of our own: a request that the description allows is refused for reasons only that no schema can say."""

import schemathesis

# Properties of Unicode: expressions that name them do not work in every language.
NAME = (
    "may have letters, digits",
    "must not contain",
    "must have combining marks",
    "must have at most",  # combining marks in a row, and characters: some are several in NFKC
    "must have at least",
    "mixes letters of several scripts",
)
VISIBLE = "must have at least one visible character"

# By operation and field, the start of the error message.
BEYOND = {
    # zxcvbn decides whether a password is too weak.
    ("signUp", "password"): "is too easy to guess",
    ("changePassword", "newPassword"): "is too easy to guess",
    ("signUp", "username"): NAME,
    ("checkUsername", "username"): NAME,
    ("changeUsername", "username"): NAME,
    # Whether a domain exists in IDNA, and what shows nothing in the part before it.
    ("signUp", "email"): ("is not an email address", "must not contain invisible"),
    ("createQuestion", "title"): VISIBLE,
    ("createQuestion", "description"): VISIBLE,
    ("updateQuestion", "title"): VISIBLE,
    ("updateQuestion", "description"): VISIBLE,
    ("createAnswer", "description"): VISIBLE,
    ("updateAnswer", "description"): VISIBLE,
    # A cursor is signed by the server, and excludes a page number.
    ("listQuestions", "cursor"): "",
    ("listAnswers", "cursor"): "",
    ("listUsers", "cursor"): "",
    # Page times size.
    ("listQuestions", "page"): "is too deep",
    ("listAnswers", "page"): "is too deep",
    ("listUsers", "page"): "is too deep",
}


@schemathesis.check
def no_rule_beyond_the_description(ctx, response, case):
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    operation = case.operation.definition.raw["operationId"]
    problem = response.json()
    assert problem["errors"], f"refused without a field: {problem['detail']}"
    for error in problem["errors"]:
        words = BEYOND.get((operation, error["field"]))
        assert words is not None and error["message"].startswith(words), f"{error['field']} {error['message']}"
