//! Questions and answers.

use reqwest::Method;
use ro_co_shared::{
    Answer, AnswerId, AnswerText, EditAnswer, EditQuestion, NewAnswer, NewQuestion, Question, QuestionId,
    QuestionText, SetAnswered,
};

use super::{Api, Failure, Listing, Versioned, http::HttpRequest};

impl Api {
    /// A page of all questions, newest first.
    pub async fn questions(&self, cursor: Option<&str>) -> Result<Listing<Question>, Failure> {
        self.list("/question/all".into(), cursor).await
    }

    /// One question.
    pub async fn question(&self, id: QuestionId) -> Result<Versioned<Question>, Failure> {
        self.versioned(HttpRequest::get(format!("/question/{id}"))).await
    }

    /// A page of the answers to a question, oldest first.
    pub async fn answers(
        &self,
        question: QuestionId,
        cursor: Option<&str>,
    ) -> Result<Listing<Answer>, Failure> {
        self.list(format!("/answer/all/{question}"), cursor).await
    }

    /// One answer.
    pub async fn answer_versioned(&self, id: AnswerId) -> Result<Versioned<Answer>, Failure> {
        self.versioned(HttpRequest::get(format!("/answer/{id}"))).await
    }

    /// Asks. `key` makes it safe to repeat: the same key and text give the same question.
    pub async fn ask(&self, text: QuestionText, key: &str) -> Result<Versioned<Question>, Failure> {
        let body = NewQuestion::from(text);
        self.versioned(HttpRequest::new(Method::POST, "/question").json(&body).key(key)).await
    }

    /// Answers. `key` as for [`Api::ask`].
    pub async fn answer(
        &self,
        question: QuestionId,
        text: AnswerText,
        key: &str,
    ) -> Result<Versioned<Answer>, Failure> {
        let body = NewAnswer::to(question, text);
        self.versioned(HttpRequest::new(Method::POST, "/answer").json(&body).key(key)).await
    }

    /// Replaces a question's text; `Code::Stale` when it is no longer the version `etag`.
    pub async fn edit_question(
        &self,
        id: QuestionId,
        text: QuestionText,
        etag: Option<&str>,
    ) -> Result<Versioned<Question>, Failure> {
        let request = HttpRequest::new(Method::PUT, format!("/question/{id}"));
        self.versioned(request.json(&EditQuestion::from(text)).if_match(etag)).await
    }

    /// Replaces an answer's text; `Code::Stale` when it is no longer the version `etag`.
    pub async fn edit_answer(
        &self,
        id: AnswerId,
        text: AnswerText,
        etag: Option<&str>,
    ) -> Result<Versioned<Answer>, Failure> {
        let request = HttpRequest::new(Method::PUT, format!("/answer/{id}"));
        self.versioned(request.json(&EditAnswer::from(text)).if_match(etag)).await
    }

    /// Marks a question as answered, or as open again.
    pub async fn set_answered(&self, id: QuestionId, answered: bool) -> Result<Versioned<Question>, Failure> {
        let body = SetAnswered { answered: answered.into() };
        self.versioned(HttpRequest::new(Method::PUT, format!("/question/{id}/status")).json(&body)).await
    }

    /// Deletes a question and its answers.
    pub async fn delete_question(&self, id: QuestionId) -> Result<(), Failure> {
        self.own(HttpRequest::new(Method::DELETE, format!("/question/{id}"))).await.map(drop)
    }

    /// Deletes an answer.
    pub async fn delete_answer(&self, id: AnswerId) -> Result<(), Failure> {
        self.own(HttpRequest::new(Method::DELETE, format!("/answer/{id}"))).await.map(drop)
    }
}
