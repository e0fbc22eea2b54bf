//! Leases of background jobs, in MongoDB: one document a job, and one conditional write a step, by the database's clock.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{DateTime, Document, doc};

use super::{
    Mongo,
    calls::millis,
    documents::V,
    fault::{Fault, Taken},
};
use crate::store::{Jobs, MAX_LEASE, Result};

#[async_trait]
impl Jobs for Mongo {
    async fn lease(&self, job: &str, holder: &str, span: Duration) -> Result<bool> {
        if self.take(job, holder, span).await? {
            return Ok(true);
        }
        // Either another holder has it, or nobody ever had it: an expression cannot be in the filter of an upsert.
        let fresh = doc! { "_id": job, "v": V, "leaseUntil": DateTime::from_millis(0) };
        match self.jobs.insert(fresh).await {
            Ok(_) => Ok(self.take(job, holder, span).await?),
            Err(Fault::Duplicate(Taken::Id)) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn release(&self, job: &str, holder: &str) -> Result<()> {
        let held = doc! { "_id": job, "holder": holder };
        let over = doc! { "$set": { "leaseUntil": DateTime::from_millis(0) }, "$unset": { "holder": "" } };
        self.jobs.update_one(held, over).await?;
        Ok(())
    }
}

impl Mongo {
    /// Takes or renews the lease of a job that has a document; whether this holder has it now.
    async fn take(&self, job: &str, holder: &str, span: Duration) -> Result<bool> {
        let free = vec![
            doc! { "$eq": ["$holder", { "$literal": holder }] },
            doc! { "$lte": ["$leaseUntil", "$$NOW"] },
            doc! { "$gt": ["$leaseUntil", { "$add": ["$$NOW", millis(MAX_LEASE)] }] },
        ];
        let filter: Document = doc! { "_id": job, "$expr": { "$or": free } };
        let until = doc! { "$add": ["$$NOW", millis(span)] };
        let take = vec![doc! { "$set": { "holder": { "$literal": holder }, "leaseUntil": until } }];
        Ok(self.jobs.update_one(filter, take).await?)
    }
}
