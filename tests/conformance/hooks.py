"""A check of our own: a request that the description allows is refused for reasons only that no schema can say."""

import schemathesis

# By operation and field, how the refusal begins.
BEYOND = {
    # How easy a password is to guess is for zxcvbn to say.
    ("signUp", "password"): "is too easy to guess",
    ("changePassword", "newPassword"): "is too easy to guess",
    # Letters and digits of all scripts: expressions that name them do not work in every language.
    ("signUp", "username"): "may have letters, digits",
    ("checkUsername", "username"): "may have letters, digits",
    ("changeUsername", "username"): "may have letters, digits",
    # A cursor is signed by the server, and goes without a page number.
    ("listQuestions", "cursor"): "",
    ("listAnswers", "cursor"): "",
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
