// A captured forward.
#pragma once

#include "head/head.h"

namespace cce::benchmark {

// Captures head.forward on `stream`, which has run it before.
class ForwardGraph {
public:
    ForwardGraph(const Head &head, cudaStream_t stream) {
        cudaGraph_t graph = nullptr;
        check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning a capture");
        head.forward(stream);
        check(cudaStreamEndCapture(stream, &graph), "ending a capture");
        check(cudaGraphInstantiateWithFlags(&executable_, graph, 0), "instantiating a graph");
        check(cudaGraphDestroy(graph), "destroying a graph");
    }
    ForwardGraph(const ForwardGraph &) = delete;
    ~ForwardGraph() { cudaGraphExecDestroy(executable_); }

    void replay(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream), "launching a graph"); }

private:
    cudaGraphExec_t executable_ = nullptr;
};

}  // namespace cce::benchmark
