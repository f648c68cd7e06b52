use super::*;

fn version(bytes: usize) -> (Arc<LoadedVersion>, usize) {
    let graph = Graph::default();
    let plan = Plan::new(&graph, &catalog()).expect("a plan");
    let (id, workflow_id) = (WorkflowVersionId::new(), WorkflowId::new());
    (Arc::new(LoadedVersion { id, workflow_id, number: Some(1), graph, plan }), bytes)
}

#[test]
fn the_cache_is_bounded_by_number_and_bytes() {
    let mut cache = Cache { versions: LruCache::new(MAX_CACHED), bytes: 0 };
    let (first, bytes) = version(10);
    cache.keep(first.clone(), bytes);
    for _ in 1..MAX_CACHED {
        let (version, bytes) = version(10);
        cache.keep(version, bytes);
    }
    assert!(cache.find(first.id).is_some(), "which makes it the newest");
    let (more, bytes) = version(10);
    cache.keep(more.clone(), bytes);
    assert_eq!((cache.versions.len(), cache.bytes), (MAX_CACHED, MAX_CACHED * 10));

    cache.keep(more.clone(), 30);
    assert_eq!(cache.bytes, MAX_CACHED * 10 + 20, "the same version counts once");
    let (large, bytes) = version(MAX_CACHED_BYTES - 35);
    cache.keep(large.clone(), bytes);
    assert_eq!((cache.versions.len(), cache.bytes), (2, MAX_CACHED_BYTES - 5));
    assert!(
        cache.find(first.id).is_none() && cache.find(more.id).is_some() && cache.find(large.id).is_some()
    );
    let (larger, bytes) = version(MAX_CACHED_BYTES + 1);
    cache.keep(larger, bytes);
    assert_eq!((cache.versions.len(), cache.bytes), (0, 0), "what is too large alone is not kept");
}
