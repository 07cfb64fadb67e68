// Package engine runs gorgonia graphs built of package ops on a device.
//
// Vocabulary: a step is one kernel call; a kernel is a device's function for an
// op, bound to its operands; a plan is the ordered list of steps over values in
// one arena; a [Program] is a plan on a [Device]. Feeds are what the host
// writes, fetches what it reads, [State] is what lives between steps
// (parameters, optimizer slots, running statistics, averages). An assign names
// the state that a node's value becomes.
//
// A graph has no notion of time; the engine finds it in the dependencies. What
// depends on state alone is the prepare stage and runs once per update
// (Ŵ = W + λW′); what depends on a batch feed is the micro stage and runs on
// every micro-step; what depends on an accumulated gradient or an update feed
// is the update stage. Gradient accumulation and the free pathway follow from
// this rule alone.
//
// Of what the forward pass leaves for the backward pass a job may keep the values
// at its Borders alone; what lies between two of them is then computed again.
//
// A device may keep float32 values in less than their precision: a [Storer] tells how it
// wants the operands of each kind, and the plan puts a [Cast] where a value is kept
// otherwise. Feeds and state are in full, and what the host reads is widened. A cast of
// state alone is in the prepare stage, so working copies of weights follow from the same
// rule as Ŵ. Where a [Capturer] can record kernels, each stage is one call from its
// second run on.
//
// Compile drops what no fetch or assign needs, orders steps as the graph was
// built, lets values die in place, places the rest in one arena by their
// lifetimes, and asks the device for kernels. After that a step allocates
// nothing. The engine knows no device by name: packages cpu and cuda implement
// Device, and [Reference] runs the ops' own Do.
package engine
