"""Plays a first visit with the client that openapi-python-client generates (package `roco_client` on PYTHONPATH).

usage: scenario.py http://127.0.0.1:PORT
"""

import sys
from http import HTTPStatus

from roco_client import AuthenticatedClient, Client
from roco_client.api.answers import create_answer, list_answers
from roco_client.api.auth import check_username, login, logout, refresh, sign_up
from roco_client.api.questions import (
    create_question,
    delete_question,
    get_question,
    list_questions,
    set_question_status,
    update_question,
)
from roco_client.api.users import me
from roco_client.models import (
    Credentials,
    EditQuestion,
    Login,
    NewAnswer,
    NewQuestion,
    Problem,
    SetAnswered,
    SignOut,
    SignUp,
)

EMAIL, PASSWORD = "script@example.org", "seven wooden marbles"


def play(base: str) -> None:
    # An answer with an undocumented status or type raises: everything the server says must be in the description.
    strict = {"base_url": base, "raise_on_unexpected_status": True}
    visitor = Client(**strict)
    session = sign_in(visitor)
    caller = AuthenticatedClient(token=session.token, **strict)
    ask_and_answer(caller, str(session.id))
    sign_out(visitor, session, strict)


def sign_in(visitor: Client) -> Login:
    assert check_username.sync_detailed(client=visitor, username="script").status_code == HTTPStatus.OK
    wrong = sign_up.sync(client=visitor, body=SignUp(username="s", email="script", password="short"))
    assert isinstance(wrong, Problem), wrong
    assert sorted(error.field for error in wrong.errors) == ["email", "password", "username"], wrong
    made = sign_up.sync(client=visitor, body=SignUp(username="script", email=EMAIL, password=PASSWORD))
    assert made is not None and made.email == EMAIL, made
    taken = check_username.sync(client=visitor, username="SCRIPT")
    assert isinstance(taken, Problem) and taken.code == "taken", taken
    refused = login.sync(client=visitor, body=Credentials(email=EMAIL, password="not the password"))
    assert isinstance(refused, Problem) and refused.status == 401, refused
    session = login.sync(client=visitor, body=Credentials(email=EMAIL, password=PASSWORD))
    assert isinstance(session, Login) and session.token_expires_in > 0, session
    return session


def ask_and_answer(caller: AuthenticatedClient, caller_id: str) -> None:
    mine = me.sync(client=caller)
    assert str(mine.id) == caller_id and mine.created_at.tzinfo is not None, mine
    body = NewQuestion(title="Asked by a script", description="With a generated client.")
    question = create_question.sync(client=caller, body=body, idempotency_key="one")
    again = create_question.sync(client=caller, body=body, idempotency_key="one")
    assert question.id == again.id and question.author.id == mine.id, (question, again)
    listed = list_questions.sync(client=caller, size=5)
    assert [q.id for q in listed] == [question.id], listed
    answer = create_answer.sync(client=caller, body=NewAnswer(description="So it is.", question_id=str(question.id)))
    answers = list_answers.sync(question_id=question.id, client=caller)
    assert [a.id for a in answers] == [answer.id], answers
    edited = update_question.sync(id=question.id, client=caller, body=EditQuestion(title="Edited by a script"))
    assert edited.title == "Edited by a script", edited
    marked = set_question_status.sync(id=question.id, client=caller, body=SetAnswered(answered=True))
    assert marked.answered and marked.answer_count == 1, marked
    assert delete_question.sync_detailed(id=question.id, client=caller).status_code == HTTPStatus.OK
    gone = get_question.sync(id=question.id, client=caller)
    assert isinstance(gone, Problem) and gone.status == 404, gone


def sign_out(visitor: Client, session: Login, strict: dict) -> None:
    renewed = refresh.sync(client=AuthenticatedClient(token=session.refresh_token, **strict))
    assert isinstance(renewed, Login) and renewed.refresh_token != session.refresh_token, renewed
    ended = logout.sync_detailed(client=visitor, body=SignOut(refresh_token=renewed.refresh_token))
    assert ended.status_code == HTTPStatus.OK, ended
    refused = refresh.sync(client=AuthenticatedClient(token=renewed.refresh_token, **strict))
    assert isinstance(refused, Problem) and refused.status == 401, refused


play(sys.argv[1])
print("played to the end")
