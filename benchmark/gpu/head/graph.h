// Work captured in a CUDA graph.
#pragma once

#include "device/check.h"

namespace cce::benchmark {

class Graph {
public:
    // Captures what `enqueue` puts on `stream`, which has run it before.
    template <typename F>
    Graph(F enqueue, cudaStream_t stream) {
        cudaGraph_t graph = nullptr;
        check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a capture");
        enqueue(stream);
        check(cudaStreamEndCapture(stream, &graph), "ending a capture");
        check(cudaGraphInstantiateWithFlags(&executable_, graph, 0), "instantiating a graph");
        check(cudaGraphDestroy(graph), "destroying a graph");
    }
    Graph(const Graph &) = delete;
    ~Graph() { cudaGraphExecDestroy(executable_); }

    void replay(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream), "launching a graph"); }

private:
    cudaGraphExec_t executable_ = nullptr;
};

}  // namespace cce::benchmark
