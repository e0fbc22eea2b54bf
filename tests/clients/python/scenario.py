"""The scenario of tests/cases/clients.rs with the client that openapi-python-client generates (package `roco_client`).

usage: scenario.py http://127.0.0.1:PORT
"""

import sys
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from roco_client import AuthenticatedClient, Client
from roco_client.api.answers import create_answer, list_answers
from roco_client.api.auth import check_username, login, logout, refresh, sign_up
from roco_client.api.questions import create_question, get_question, list_questions, update_question
from roco_client.api.users import get_icon, get_icon_png, me
from roco_client.models import (
    Credentials,
    EditQuestion,
    Login,
    NewAnswer,
    NewQuestion,
    Problem,
    Question,
    SignOut,
    SignUp,
    User,
)
from roco_client.types import File, Response

BASE, PASSWORD = sys.argv[1], "seven wooden marbles"
T = TypeVar("T")


def visitor() -> Client:
    # An answer with an undocumented status raises: everything the server says must be in the description.
    return Client(base_url=BASE, raise_on_unexpected_status=True)


def caller(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=BASE, token=token, raise_on_unexpected_status=True)


def given(answer: object, kind: type[T]) -> T:
    assert isinstance(answer, kind), answer
    return answer


def refused(answer: object, status: int, code: str) -> Problem:
    problem = given(answer, Problem)
    assert (problem.status, problem.code) == (status, code), problem
    return problem


def signed_in(name: str) -> Login:
    free = check_username.sync_detailed(client=visitor(), username=name)
    assert free.status_code == HTTPStatus.OK, free
    account = SignUp(username=name, email=f"{name}@example.org", password=PASSWORD)
    made = given(sign_up.sync(client=visitor(), body=account), User)
    assert made.email == account.email, made
    refused(sign_up.sync(client=visitor(), body=account), 409, "taken")
    wrong = Credentials(email=account.email, password="not the password")
    refused(login.sync(client=visitor(), body=wrong), 401, "invalid_credentials")
    right = Credentials(email=account.email, password=PASSWORD)
    session = given(login.sync(client=visitor(), body=right), Login)
    assert session.token_expires_in > 0 and session.id == made.id, session
    return session


def every_wrong_field_is_named() -> None:
    problem = refused(
        sign_up.sync(client=visitor(), body=SignUp(username="s", email="script", password="short")), 400, "invalid"
    )
    fields = sorted(error.field for error in problem.errors or [])
    assert fields == ["email", "password", "username"], problem


def pictures(client: AuthenticatedClient, session: Login) -> None:
    svg = given(get_icon.sync(id=session.id, client=client), File).payload.read()
    assert svg.startswith(b"<svg"), svg[:80]
    png = given(get_icon_png.sync(id=session.id, client=client, size=32), File).payload.read()
    assert png.startswith(b"\x89PNG\r\n"), png[:8]


def ask(client: AuthenticatedClient) -> list[Question]:
    asked = []
    for number in range(25):
        body = NewQuestion(title=f"Question {number}", description="With a generated client.")
        key = f"question-{number}"
        question = given(create_question.sync(client=client, body=body, idempotency_key=key), Question)
        again = given(create_question.sync(client=client, body=body, idempotency_key=key), Question)
        assert question.id == again.id, (question, again)
        asked.append(question)
    other = NewQuestion(title="Something else")
    refused(create_question.sync(client=client, body=other, idempotency_key="question-0"), 409, "key_reused")
    return asked


def next_cursor(page: Response[object]) -> str | None:
    link = page.headers.get("Link")
    if link is None:
        return None
    address, _, relation = link.partition(">; ")
    assert relation == 'rel="next"', link
    return parse_qs(urlsplit(address.removeprefix("<")).query)["cursor"][0]


def page_through(client: AuthenticatedClient, asked: list[Question]) -> None:
    page = list_questions.sync_detailed(client=client, size=10, total=True)
    assert page.headers["X-Total-Count"] == "25", page.headers
    seen, sizes = [], []
    while True:
        questions = given(page.parsed, list)
        sizes.append(len(questions))
        seen += [question.id for question in questions]
        cursor = next_cursor(page)
        if cursor is None:
            break
        page = list_questions.sync_detailed(client=client, size=10, cursor=cursor)
    assert sizes == [10, 10, 5], sizes
    assert seen == [question.id for question in reversed(asked)], seen


def edit_and_answer(client: AuthenticatedClient, stranger: AuthenticatedClient, question: Question) -> None:
    tag = get_question.sync_detailed(id=question.id, client=client).headers["ETag"]
    body = EditQuestion(title="Edited by a script")
    edited = given(update_question.sync(id=question.id, client=client, body=body, if_match=tag), Question)
    assert edited.title == body.title, edited
    refused(update_question.sync(id=question.id, client=client, body=body, if_match=tag), 412, "stale")
    refused(update_question.sync(id=question.id, client=stranger, body=body), 403, "forbidden")
    text = NewAnswer(description="So it is.", question_id=question.id)
    answer = create_answer.sync(client=stranger, body=text)
    answers = given(list_answers.sync(question_id=question.id, client=client), list)
    assert answers == [answer], (answers, answer)


def sign_out(session: Login) -> None:
    refused(me.sync(client=caller("made up")), 401, "unauthenticated")
    renewed = given(refresh.sync(client=caller(session.refresh_token)), Login)
    assert renewed.refresh_token != session.refresh_token, renewed
    mine = given(me.sync(client=caller(renewed.token)), User)
    assert mine.id == session.id and mine.created_at and mine.created_at.tzinfo is not None, mine
    ended = logout.sync_detailed(client=visitor(), body=SignOut(refresh_token=renewed.refresh_token))
    assert ended.status_code == HTTPStatus.OK, ended
    refused(refresh.sync(client=caller(renewed.refresh_token)), 401, "session_ended")


def guesses_have_to_wait() -> None:
    guess = Credentials(email="guessed@example.org", password="not the password")
    answers = [login.sync_detailed(client=visitor(), body=guess) for _ in range(8)]
    problems = [given(answer.parsed, Problem) for answer in answers]
    assert {problem.code for problem in problems} == {"invalid_credentials", "too_many_requests"}, problems
    assert (problems[-1].status, problems[-1].code) == (429, "too_many_requests"), problems
    assert int(answers[-1].headers["Retry-After"]) > 0, answers[-1]


every_wrong_field_is_named()
script, stranger = signed_in("script"), signed_in("stranger")
client = caller(script.token)
pictures(client, script)
asked = ask(client)
page_through(client, asked)
edit_and_answer(client, caller(stranger.token), asked[0])
sign_out(script)
guesses_have_to_wait()
print("played to the end")
