//! Faults that AWS has and emulators lack, switched on by `--faults` or `POST /_paddock/faults`.
//!
//! A share is a probability (`0.1`) or a count (`1/10`: exactly every tenth), so that a test can be
//! random or repeatable.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Share {
    /// Never.
    #[default]
    Never,
    /// Each time with this probability.
    Probability(f64),
    /// Exactly every n-th time.
    Every(u64),
}

/// Which faults are on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FaultPlan {
    /// DynamoDB writes refused as throttled.
    pub throttle: Share,
    /// DynamoDB writes that are done and answered with 500 or a closed connection, in turn.
    pub lost_answer: Share,
    /// DynamoDB writes refused because of a conflicting transaction.
    pub conflict: Share,
    /// SQS messages sent twice.
    pub sqs_double: Share,
    /// SQS messages delayed by up to this many seconds.
    pub sqs_delay: u32,
    /// Every other SQS message comes a second late, after those sent behind it; with
    /// `sqs-double` the second copy is the late one.
    pub sqs_reorder: bool,
}

/// The plan in force with its counters.
#[derive(Debug, Default)]
pub struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    plan: FaultPlan,
    throttle: u64,
    lost_answer: u64,
    conflict: u64,
    sqs_double: u64,
    reorder: u64,
    closed: u64,
}

/// What happens to one DynamoDB write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// Not done, answered as throttled.
    Throttle,
    /// Not done, answered as a conflict.
    Conflict,
    /// Done, answered with 500.
    LostAnswer,
    /// Done, connection closed without an answer.
    ClosedConnection,
}

/// What happens to one SQS message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendFault {
    /// `DelaySeconds` of the message.
    pub delay: u32,
    /// `DelaySeconds` of a second copy, if there is one.
    pub copy: Option<u32>,
}

impl Faults {
    /// With a plan in force from the start.
    pub fn new(plan: FaultPlan) -> Self {
        let faults = Self::default();
        faults.set(plan);
        faults
    }

    /// Replaces the plan; counters begin anew.
    pub fn set(&self, plan: FaultPlan) {
        *self.lock() = Inner { plan, ..Inner::default() };
    }

    /// The plan in force.
    pub fn plan(&self) -> FaultPlan {
        self.lock().plan.clone()
    }

    /// The lot of the next DynamoDB write.
    pub fn on_write(&self) -> Option<WriteFault> {
        let mut inner = self.lock();
        let plan = inner.plan.clone();
        if plan.throttle.hits(&mut inner.throttle) {
            return Some(WriteFault::Throttle);
        }
        if plan.conflict.hits(&mut inner.conflict) {
            return Some(WriteFault::Conflict);
        }
        if plan.lost_answer.hits(&mut inner.lost_answer) {
            inner.closed += 1;
            let closed = inner.closed.is_multiple_of(2);
            return Some(if closed { WriteFault::ClosedConnection } else { WriteFault::LostAnswer });
        }
        None
    }

    /// The lot of the next SQS message.
    pub fn on_send(&self) -> SendFault {
        let mut inner = self.lock();
        let plan = inner.plan.clone();
        let late = || if plan.sqs_delay == 0 { 0 } else { rand::random_range(0..=plan.sqs_delay) };
        let copy = plan.sqs_double.hits(&mut inner.sqs_double);
        inner.reorder += 1;
        let turn = plan.sqs_reorder && inner.reorder.is_multiple_of(2);
        SendFault { delay: late() + u32::from(turn && !copy), copy: copy.then(|| late() + u32::from(plan.sqs_reorder)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    fn hits(self, counter: &mut u64) -> bool {
        *counter += 1;
        match self {
            Self::Never => false,
            Self::Probability(share) => rand::random::<f64>() < share,
            Self::Every(count) => counter.is_multiple_of(count),
        }
    }
}

/// Not a share, or an unknown fault.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FaultSyntax(String);

impl FromStr for Share {
    type Err = FaultSyntax;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FaultSyntax(format!("{text:?} is neither a share from 0 to 1 nor 1/n"));
        if let Some(count) = text.strip_prefix("1/") {
            let count = count.parse::<u64>().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
            return Ok(Self::Every(count));
        }
        let share: f64 = text.parse().map_err(|_| wrong())?;
        match share {
            0.0 => Ok(Self::Never),
            share if share > 0.0 && share <= 1.0 => Ok(Self::Probability(share)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.write_str("0"),
            Self::Probability(share) => write!(formatter, "{share}"),
            Self::Every(count) => write!(formatter, "1/{count}"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for FaultPlan {
    type Err = FaultSyntax;

    /// `throttle=1/10,lost-answer=0.1,sqs-reorder`
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, "1"));
            match name {
                "throttle" => plan.throttle = value.parse()?,
                "lost-answer" => plan.lost_answer = value.parse()?,
                "conflict" => plan.conflict = value.parse()?,
                "sqs-double" => plan.sqs_double = value.parse()?,
                "sqs-delay" => {
                    plan.sqs_delay =
                        value.parse().map_err(|_| FaultSyntax(format!("sqs-delay={value}: not whole seconds")))?;
                }
                "sqs-reorder" => plan.sqs_reorder = true,
                other => return Err(FaultSyntax(format!("there is no fault {other:?}"))),
            }
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_is_exactly_every_tenth() {
        let faults = Faults::new("throttle=1/10".parse().unwrap());
        let hits: Vec<bool> = (0..30).map(|_| faults.on_write().is_some()).collect();
        let expected: Vec<bool> = (1..=30).map(|n| n % 10 == 0).collect();
        assert_eq!(hits, expected);
    }

    #[test]
    fn lost_answers_come_as_error_and_as_closed_connection_in_turn() {
        let faults = Faults::new("lost-answer=1/1".parse().unwrap());
        let lots: Vec<_> = (0..4).filter_map(|_| faults.on_write()).collect();
        use WriteFault::{ClosedConnection, LostAnswer};
        assert_eq!(lots, [LostAnswer, ClosedConnection, LostAnswer, ClosedConnection]);
    }

    #[test]
    fn a_doubled_message_keeps_its_first_copy_in_time_and_delays_the_second() {
        let faults = Faults::new("sqs-double=1,sqs-reorder".parse().unwrap());
        for _ in 0..4 {
            assert_eq!(faults.on_send(), SendFault { delay: 0, copy: Some(1) });
        }
    }

    #[test]
    fn the_text_and_the_json_form_agree() {
        let text: FaultPlan = "throttle=1/10,lost-answer=0.25,sqs-double=1.0,sqs-reorder".parse().unwrap();
        let json: FaultPlan =
            serde_json::from_str(r#"{"throttle":"1/10","lost-answer":0.25,"sqs-double":1.0,"sqs-reorder":true}"#)
                .unwrap();
        assert_eq!(text, json);
        assert!("throttle=2".parse::<FaultPlan>().is_err());
        assert!("thrott=0.1".parse::<FaultPlan>().is_err());
        assert!("throttle=1/0".parse::<FaultPlan>().is_err());
    }
}
