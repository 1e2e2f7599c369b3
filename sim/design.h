// A design as the programs of this folder see it: ports by name, and what happens at a clock edge.
//
// Behind it stands Verilator's model of one design; what makes a Design of that is appended to the model by
// qsnn_hw/verify/native.py. So these programs know no design, and each is compiled once for all of them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

struct NamedPort {
    const char* name;
    void* data;
    size_t bytes;
};

class Design {
  public:
    // What Python writes and this reads must be of one version.
    static const int64_t STIMULUS_FORMAT;
    // Of the output stream; 1 where there is none.
    static const size_t PAYLOAD_BITS;

    static std::unique_ptr<Design> make();
    virtual ~Design() = default;

    // Let what was put to the ports take effect.
    virtual void eval() = 0;

    // Count from here on how often every net switches, into a file; false: the model was not made for it.
    virtual bool open_saif(const std::string& path) = 0;
    virtual void dump_saif(uint64_t time) = 0;
    virtual void close_saif() = 0;
    // How often each bit has risen and fallen; nothing where the model does not count.
    virtual void write_coverage(const std::string& path) = 0;

    const std::vector<NamedPort>& ports() const { return ports_; }

    // A port of up to eight bits; none of that name: nullptr.
    uint8_t* pin(const char* name) const {
        for (const NamedPort& port : ports_)
            if (!std::strcmp(port.name, name)) return static_cast<uint8_t*>(port.data);
        return nullptr;
    }

  protected:
    std::vector<NamedPort> ports_;
};
