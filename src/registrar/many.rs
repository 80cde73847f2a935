//! Many phones after a restart: each is there and reached, and those whose time was over are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary_sip::auth::Algorithm;

use super::task::unix_now;
use super::{Limits, RegistrarHandle, RegistrarSettings};
use crate::store::fixture::Scratch;
use crate::store::{BindingChange, Store, StoredBinding};
use crate::telemetry::metrics::Metrics;

const ACCOUNTS: usize = 10_000;

fn stored(account: usize, phone: usize, expires_at: i64) -> StoredBinding {
    let contact = format!("<sip:user{account}@10.{phone}.{}.{}:5060>", account / 256, account % 256);
    StoredBinding {
        aor: format!("user{account}"),
        binding: contact.trim_matches(['<', '>']).to_owned(),
        contact,
        call_id: format!("{account}-{phone}"),
        cseq: 1,
        expires_at,
        user_agent: "a phone".into(),
        path: Vec::new(),
        instance: None,
        reg_id: None,
        source: "198.51.100.7:5060".into(),
        transport: "UDP".into(),
        received: None,
    }
}

async fn start(store: &Store) -> RegistrarHandle {
    let settings = RegistrarSettings {
        domain: "example.org".into(),
        aliases: Vec::new(),
        limits: Limits { min_expires: 60, max_expires: 3600, max_bindings: 10, flow_timer: 120, flow_timer_udp: 30 },
        secret: [7; 32],
        service_route: Vec::new(),
        algorithms: vec![Algorithm::Sha256],
        free_failures: 3,
        longest_block: Duration::from_secs(60),
        silence: None,
        moved: None,
    };
    RegistrarHandle::start(settings, store.clone(), &Metrics::default()).await.expect("a good store")
}

/// 10 000 accounts with two phones each, and a third whose registration ran out while nobody was there.
#[tokio::test]
async fn twenty_thousand_bindings_are_there_after_a_restart() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.settings()).await.expect("a new database");
    let now = unix_now();
    let of = |account| [(0, now + 3000), (1, now + 3000), (2, now - 1)].map(|(phone, at)| stored(account, phone, at));
    let changes = (0..ACCOUNTS).flat_map(of).map(BindingChange::Put).collect();
    store.save_bindings(Arc::new(changes)).await.expect("room on the disk");
    drop(store);

    let store = Store::open(&scratch.settings()).await.expect("the same database");
    let began = Instant::now();
    let registrar = start(&store).await;
    println!("{} bindings read in {:?}", 3 * ACCOUNTS, began.elapsed());
    for account in 0..ACCOUNTS {
        let targets = registrar.targets(&format!("user{account}")).await;
        let mut uris: Vec<_> = targets.iter().map(|target| target.uri.to_string()).collect();
        uris.sort();
        let wanted = [0, 1].map(|phone| stored(account, phone, 0).binding);
        assert_eq!(uris, wanted);
    }
    // The expired are gone from the disk too, once what gathers is written.
    let left = async {
        while store.load_bindings().await.expect("readable").len() != 2 * ACCOUNTS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), left).await.expect("the expired are removed");
}
