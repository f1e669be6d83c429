//! The body of `POST /sandbox`, as a whole: what is wrong, what cannot be honoured yet, and what is asked for.

use std::time::Duration;

use paddock_model::sandbox::Timers;
use paddock_wire::api::create_sandbox::CreateSandbox;

use super::{Problems, interval, maps, name};
use crate::actions::create_sandbox::{DEFAULT_USER, Request};
use crate::error::ApiError;

/// Minutes, when nothing is said.
const AUTO_STOP: i32 = 15;

/// Minutes, when nothing is said: seven days.
const AUTO_ARCHIVE: i32 = 7 * 24 * 60;

/// Checks everything that can be checked without the table.
///
/// Destructures the body completely: a new key must be honoured or refused here, it cannot be forgotten.
pub fn check(body: CreateSandbox) -> Result<Request, ApiError> {
    refuse_what_we_cannot(&body)?;
    let CreateSandbox {
        name,
        snapshot,
        user: _,
        env,
        labels,
        public,
        network_block_all: _,
        kvm: _,
        network_allow_list: _,
        domain_allow_list: _,
        outbound_proxy_url: _,
        otel_endpoint_override: _,
        target,
        cpu: _,
        gpu: _,
        gpu_type: _,
        spot: _,
        memory: _,
        disk: _,
        auto_stop_interval,
        auto_pause_interval,
        auto_archive_interval,
        auto_delete_interval,
        ttl_minutes,
        queue_timeout,
        volumes: _,
        build_info: _,
        linked_sandbox: _,
        secrets: _,
    } = body;
    let mut problems = Problems::default();
    let (name, snapshot, target) = (non_empty(name), non_empty(snapshot), non_empty(target));
    let (env, labels) = (env.unwrap_or_default(), labels.unwrap_or_default());
    problems.take("name", name.as_deref().map_or(Ok(()), |name| name::check_new(name, &name::TAKEN_BY_SANDBOX_PATHS)));
    problems.take("snapshot", snapshot.as_deref().map_or(Ok(()), name::check_bounded));
    problems.take("target", target.as_deref().map_or(Ok(()), name::check_bounded));
    problems.take("env", maps::check_env(&env));
    problems.take("labels", maps::check_labels(&labels));
    let intervals = Intervals {
        stop: auto_stop_interval,
        pause: auto_pause_interval,
        archive: auto_archive_interval,
        delete: auto_delete_interval,
        queue: queue_timeout,
    };
    let timers = timers(&mut problems, intervals);
    let life = problems.take("ttlMinutes", interval::auto_stop(ttl_minutes.unwrap_or(0))).flatten();
    problems.finish()?;
    Ok(Request { name, snapshot, region: target, env, labels, public: public.unwrap_or(false), timers, life })
}

/// Minutes, as they were sent.
struct Intervals {
    stop: Option<i32>,
    pause: Option<i32>,
    archive: Option<i32>,
    delete: Option<i32>,
    queue: Option<i32>,
}

fn timers(problems: &mut Problems, Intervals { stop, pause, archive, delete, queue }: Intervals) -> Timers {
    let pauses = pause.is_some_and(|pause| pause != 0);
    // One that pauses by itself does not stop by itself, unless that is asked for as well, which is refused.
    let stop = stop.unwrap_or(if pauses { 0 } else { AUTO_STOP });
    let queue = queue.map_or(Ok(None), |queue| {
        if queue >= 1 { interval::auto_stop(queue) } else { Err("must be at least 1".to_owned()) }
    });
    let mut take = |field: &str, checked: Result<Option<Duration>, String>| problems.take(field, checked).flatten();
    Timers {
        auto_stop: take("autoStopInterval", interval::auto_stop(stop)),
        auto_pause: take("autoPauseInterval", interval::auto_stop(pause.unwrap_or(0))),
        auto_archive: take("autoArchiveInterval", interval::auto_archive(archive.unwrap_or(AUTO_ARCHIVE))),
        auto_delete: take("autoDeleteInterval", interval::auto_delete(delete.unwrap_or(-1))),
        destroy_at: None,
        queue: take("queueTimeout", queue),
    }
}

/// By name and with one reason each, in the order of the wire.
fn refuse_what_we_cannot(body: &CreateSandbox) -> Result<(), ApiError> {
    let text = |value: &Option<String>| value.as_ref().is_some_and(|it| !it.trim().is_empty());
    let sized = [body.cpu, body.memory, body.disk].into_iter().flatten().any(|it| it != 0);
    let refused = [
        (text(&body.user) && body.user.as_deref() != Some(DEFAULT_USER), "user other than the image's own (daytona)"),
        (body.network_block_all == Some(true), "networkBlockAll"),
        (text(&body.network_allow_list), "networkAllowList"),
        (text(&body.domain_allow_list), "domainAllowList"),
        (body.kvm == Some(true), "kvm"),
        (text(&body.outbound_proxy_url), "outboundProxyUrl"),
        (text(&body.otel_endpoint_override), "otelEndpointOverride"),
        (body.gpu.is_some_and(|it| it != 0) || body.gpu_type.is_some(), "gpu"),
        (body.spot == Some(true), "spot"),
        (body.volumes.as_ref().is_some_and(|it| !it.is_empty()), "volumes"),
        (body.build_info.is_some(), "buildInfo (an image or Dockerfile instead of a snapshot)"),
        (text(&body.linked_sandbox), "linkedSandbox"),
        (body.secrets.as_ref().is_some_and(|it| !it.is_empty()), "secrets"),
    ];
    match refused.into_iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(ApiError::not_supported_yet(what)),
        None if sized => {
            Err(ApiError::invalid("cpu, memory and disk come from the snapshot and cannot be given with it"))
        }
        None => Ok(()),
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_json(body: serde_json::Value) -> Result<Request, String> {
        let body = serde_json::from_value(body).map_err(|error| error.to_string())?;
        check(body).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_plain_create_sends_is_good() {
        let new = check_json(json!({"env": {}, "labels": {"code-toolbox-language": "python"}, "volumes": []})).unwrap();
        assert_eq!(new.timers.auto_stop, Some(Duration::from_secs(15 * 60)));
        assert_eq!(new.timers.auto_archive, Some(Duration::from_secs(7 * 24 * 3600)));
        assert_eq!((new.timers.auto_delete, new.name, new.public), (None, None, false));
    }

    #[test]
    fn harmless_values_of_unsupported_keys_are_good() {
        let body = json!({
            "networkBlockAll": false, "networkAllowList": "", "domainAllowList": null, "kvm": false, "spot": false,
            "cpu": 0, "gpu": 0, "volumes": [], "secrets": [], "ttlMinutes": 0, "autoPauseInterval": 0,
            "user": "daytona", "name": "", "unknownKey": {"a": 1}
        });
        assert_eq!(check_json(body).map(|new| new.name), Ok(None));
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        for (key, value) in [
            ("user", json!("root")),
            ("networkBlockAll", json!(true)),
            ("networkAllowList", json!("10.0.0.0/8")),
            ("domainAllowList", json!("example.com")),
            ("kvm", json!(true)),
            ("outboundProxyUrl", json!("http://x")),
            ("otelEndpointOverride", json!("http://x")),
            ("gpu", json!(1)),
            ("spot", json!(true)),
            ("volumes", json!([{"volumeId": "v", "mountPath": "/v"}])),
            ("buildInfo", json!({"dockerfileContent": "FROM x"})),
            ("linkedSandbox", json!("x")),
            ("secrets", json!([{"A": "b"}])),
        ] {
            let refusal = check_json(json!({ key: value })).expect_err(key);
            assert!(refusal.contains("not supported yet") && refusal.contains(key), "{key}: {refusal}");
        }
        assert!(check_json(json!({"gpuType": "H100"})).unwrap_err().contains("gpu"));
        for key in ["cpu", "memory", "disk"] {
            assert!(check_json(json!({ key: 2 })).unwrap_err().contains("snapshot"), "{key}");
        }
    }

    #[test]
    fn a_name_that_is_a_path_of_its_own_is_refused() {
        assert!(check_json(json!({"name": "paginated"})).unwrap_err().contains("paths"));
        assert!(check_json(json!({"name": "paginated 2"})).is_ok());
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let body = json!({"name": "<b>x</b>", "env": {"A=B": ""}, "autoStopInterval": -1, "autoArchiveInterval": -1});
        let refusal = check_json(body).unwrap_err();
        for field in ["name must", "env has", "autoStopInterval must", "autoArchiveInterval must"] {
            assert!(refusal.contains(field), "{field}: {refusal}");
        }
    }
}
