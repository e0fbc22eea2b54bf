"""The scenario of tests/cases/clients.rs with the client that openapi-generator makes (package `roco_generated`).

usage: scenario.py http://127.0.0.1:PORT
"""

import sys
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError
from roco_generated import (
    AnswersApi,
    ApiClient,
    ApiException,
    ApiResponse,
    AuthApi,
    Configuration,
    Credentials,
    EditQuestion,
    Login,
    NewAnswer,
    NewQuestion,
    Problem,
    Question,
    QuestionsApi,
    SignOut,
    SignUp,
    UsersApi,
)

BASE, PASSWORD = sys.argv[1], "seven wooden marbles"
T = TypeVar("T")


class Client:
    """The operations by group, as somebody with this token or with none."""

    def __init__(self, token: str | None = None) -> None:
        client = ApiClient(Configuration(host=BASE, access_token=token))
        self.auth, self.users = AuthApi(client), UsersApi(client)
        self.questions, self.answers = QuestionsApi(client), AnswersApi(client)


def refused(call: Callable[[], object], status: int, code: str) -> Problem:
    try:
        answer = call()
    except ApiException as refusal:
        problem = refusal.data
        assert isinstance(problem, Problem), refusal
        assert (refusal.status, problem.status, problem.code) == (status, status, code), problem
        return problem
    raise AssertionError(f"not refused: {answer}")


def header(answer: ApiResponse[T], name: str) -> str | None:
    """A header of an answer; the generated client keeps their names as they were sent."""
    found = (value for key, value in (answer.headers or {}).items() if key.lower() == name.lower())
    return next(found, None)


def wrong_fields_are_named() -> None:
    try:
        SignUp(username="s", email="script@example.org", password=PASSWORD)
    except ValidationError as wrong:
        assert wrong.error_count() == 1, wrong
    else:
        raise AssertionError("the client knows the limits of a name")
    weak = SignUp(username="script", email="script@example.org", password="password1234")
    problem = refused(lambda: Client().auth.sign_up(weak), 400, "invalid")
    assert [error.var_field for error in problem.errors or []] == ["password"], problem


def signed_in(name: str) -> Login:
    auth = Client().auth
    assert auth.check_username_with_http_info(name).status_code == 200
    account = SignUp(username=name, email=f"{name}@example.org", password=PASSWORD)
    made = auth.sign_up(account)
    assert made.email == account.email, made
    refused(lambda: auth.sign_up(account), 409, "taken")
    wrong = Credentials(email=account.email, password="not the password")
    refused(lambda: auth.login(wrong), 401, "invalid_credentials")
    session = auth.login(Credentials(email=account.email, password=PASSWORD))
    assert session.token_expires_in > 0 and session.id == made.id, session
    return session


def pictures(client: Client, session: Login) -> None:
    assert client.users.get_icon(session.id).startswith(b"<svg")
    assert client.users.get_icon_png(session.id, size=32).startswith(b"\x89PNG\r\n")


def ask(client: Client) -> list[Question]:
    asked = []
    for number in range(25):
        body = NewQuestion(title=f"Question {number}", description="With a generated client.")
        question = client.questions.create_question(body, idempotency_key=f"question-{number}")
        again = client.questions.create_question(body, idempotency_key=f"question-{number}")
        assert question.id == again.id, (question, again)
        asked.append(question)
    other = NewQuestion(title="Something else")
    refused(lambda: client.questions.create_question(other, idempotency_key="question-0"), 409, "key_reused")
    return asked


def page_through(client: Client, asked: list[Question]) -> None:
    seen, sizes, cursor = [], [], None
    while True:
        page = client.questions.list_questions_with_http_info(size=10, cursor=cursor)
        sizes.append(len(page.data))
        seen += [question.id for question in page.data]
        link = header(page, "Link")
        if link is None:
            break
        address, _, relation = link.partition(">; ")
        assert relation == 'rel="next"', link
        cursor = parse_qs(urlsplit(address.removeprefix("<")).query)["cursor"][0]
    assert sizes == [10, 10, 5], sizes
    assert seen == [question.id for question in reversed(asked)], seen


def edit_and_answer(client: Client, stranger: Client, question: Question) -> None:
    tag = header(client.questions.get_question_with_http_info(question.id), "ETag")
    body = EditQuestion(title="Edited by a script")
    edited = client.questions.update_question(question.id, body, if_match=tag)
    assert edited.title == body.title, edited
    refused(lambda: client.questions.update_question(question.id, body, if_match=tag), 412, "stale")
    refused(lambda: stranger.questions.update_question(question.id, body), 403, "forbidden")
    answer = stranger.answers.create_answer(NewAnswer(description="So it is.", questionID=question.id))
    assert client.answers.list_answers(question.id) == [answer]


def sign_out(session: Login) -> None:
    refused(Client("made up").users.me, 401, "unauthenticated")
    renewed = Client(session.refresh_token).auth.refresh()
    assert renewed.refresh_token != session.refresh_token, renewed
    mine = Client(renewed.token).users.me()
    assert mine.id == session.id and mine.created_at and mine.created_at.tzinfo is not None, mine
    Client().auth.logout(SignOut(refreshToken=renewed.refresh_token))
    refused(Client(renewed.refresh_token).auth.refresh, 401, "session_ended")


def guesses_have_to_wait() -> None:
    guess = Credentials(email="guessed@example.org", password="not the password")
    for _ in range(8):
        try:
            Client().auth.login(guess)
        except ApiException as refusal:
            if refusal.status == 401:
                continue
            problem = refusal.data
            assert isinstance(problem, Problem) and problem.code == "too_many_requests", refusal
            assert refusal.status == problem.status == 429, refusal
            wait = refusal.headers.get("Retry-After") if refusal.headers else None
            assert wait and int(wait) > 0, refusal
            return
    raise AssertionError("nobody was made to wait")


wrong_fields_are_named()
script, stranger = signed_in("script"), signed_in("stranger")
client = Client(script.token)
pictures(client, script)
asked = ask(client)
page_through(client, asked)
edit_and_answer(client, Client(stranger.token), asked[0])
sign_out(script)
guesses_have_to_wait()
print("played to the end")
