//! Making instruments and rendering them.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, TextEncoder, core::Collector};

use super::{
    instruments::{ByLabel, ByLabels, Counter, Gauge, Histogram},
    labels::Label,
};

/// A set of metrics, rendered together.
#[derive(Debug, Clone)]
pub(super) struct Registry(prometheus::Registry);

/// A name and its explanation.
pub(super) type Named = (&'static str, &'static str);

impl Registry {
    /// Starts with the metric that tells builds apart.
    pub(super) fn new() -> Self {
        let this = Self(prometheus::Registry::new());
        let (name, help) = ("piton_build_info", "Always 1; the label says which version runs.");
        let family = IntGaugeVec::new(Opts::new(name, help), &["version"]);
        let family = this.added(family.expect("the name is valid"));
        family.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        this
    }

    pub(super) fn counter(&self, named: Named) -> Counter {
        Counter(self.counters_of(named, &[]).with_label_values::<&str>(&[]))
    }

    pub(super) fn counters<L: Label>(&self, named: Named) -> ByLabel<L, Counter> {
        let family = self.counters_of(named, &[L::NAME]);
        ByLabel::new(|value: L| Counter(family.with_label_values(&[value.as_str()])))
    }

    pub(super) fn counters_by<A: Label, B: Label>(&self, named: Named) -> ByLabels<A, B, Counter> {
        let family = self.counters_of(named, &[A::NAME, B::NAME]);
        ByLabel::new(|a: A| ByLabel::new(|b: B| Counter(family.with_label_values(&[a.as_str(), b.as_str()]))))
    }

    pub(super) fn counters_of(&self, (name, help): Named, labels: &[&str]) -> IntCounterVec {
        self.added(IntCounterVec::new(Opts::new(name, help), labels).expect("names are valid"))
    }

    pub(super) fn gauge(&self, named: Named) -> Gauge {
        Gauge(self.gauges_of(named, &[]).with_label_values::<&str>(&[]))
    }

    pub(super) fn gauges<L: Label>(&self, named: Named) -> ByLabel<L, Gauge> {
        let family = self.gauges_of(named, &[L::NAME]);
        ByLabel::new(|value: L| Gauge(family.with_label_values(&[value.as_str()])))
    }

    fn gauges_of(&self, (name, help): Named, labels: &[&str]) -> IntGaugeVec {
        self.added(IntGaugeVec::new(Opts::new(name, help), labels).expect("names are valid"))
    }

    pub(super) fn histogram(&self, named: Named, buckets: &[f64]) -> Histogram {
        Histogram(self.histograms_of(named, buckets, &[]).with_label_values::<&str>(&[]))
    }

    pub(super) fn histograms<L: Label>(&self, named: Named, buckets: &[f64]) -> ByLabel<L, Histogram> {
        let family = self.histograms_of(named, buckets, &[L::NAME]);
        ByLabel::new(|value: L| Histogram(family.with_label_values(&[value.as_str()])))
    }

    pub(super) fn histograms_of(&self, (name, help): Named, buckets: &[f64], labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.added(HistogramVec::new(options, labels).expect("names and buckets are valid"))
    }

    fn added<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.0.register(Box::new(collector.clone())).expect("each name is used once");
        collector
    }

    /// Prometheus' text format, version 0.0.4.
    pub(super) fn render(&self) -> String {
        let encoded = TextEncoder::new().encode_to_string(&self.0.gather());
        encoded.expect("what is registered can be written")
    }
}
