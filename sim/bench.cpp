// The bench without Python: drives a design from a file of stimulus and records what leaves it.
//
// Linked with Verilator's model of one design (design.h). It keeps the order of sim/driver.py and
// sim/monitor.py: ports are looked at just ahead of a clock edge, inputs change just behind one. It interprets
// nothing: what it records is compared in Python (sim/native.py), by the checker of the cocotb bench.
//
//     bench JOB      JOB: lines of a keyword and its values
//     bench -        one instance for the jobs that standard input names, a line each; "done" answers each
//
// stimulus FILE      see qsnn_hw/verify/stimulus.py
// records FOLDER     receives output, trace<k>, sent<k>, times and result; of a model that counts what toggles,
//                    coverage
// group TRACE ROW SENT BITS ROWS TICKS
//                    a group's ports, the bits of a word it sends, rows and ticks to wait for
// counter PORT       its value goes into every snapshot
// goes_on            no reset before it: behind a run that has finished
// cut CYCLES         ends so many cycles after the first offer, whatever is under way
// saif FILE          how often every net switches, from the first sample's start to the last one's end; only of
//                    a model that counts it

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "design.h"

static_assert(std::endian::native == std::endian::little, "ports are read as little-endian words");

namespace {

[[noreturn]] void fail(const std::string& text) {
    std::cerr << text << std::endl;
    std::exit(1);
}

using Word = std::vector<uint32_t>;

struct Port {
    void* data = nullptr;
    size_t bytes = 0;

    size_t limbs() const { return (bytes + 3) / 4; }

    uint64_t value() const {
        uint64_t found = 0;
        std::memcpy(&found, data, bytes < 8 ? bytes : 8);
        return found;
    }

    void get(uint32_t* limb) const {
        limb[limbs() - 1] = 0;
        std::memcpy(limb, data, bytes);
    }

    void put(const uint32_t* limb) const { std::memcpy(data, limb, bytes); }

    void put(uint8_t level) const { *static_cast<uint8_t*>(data) = level; }

    bool high() const { return *static_cast<const uint8_t*>(data) != 0; }
};

Port find(const std::vector<NamedPort>& ports, const std::string& name) {
    for (const NamedPort& port : ports)
        if (name == port.name) return {port.data, port.bytes};
    fail("the design has no port " + name);
}

// Words of 32 bits, into a file.
class Record {
  public:
    explicit Record(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
        if (!file_) fail("cannot write " + path);
        std::setvbuf(file_, nullptr, _IOFBF, 1 << 18);
    }
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;
    ~Record() { std::fclose(file_); }

    void add(const uint32_t* limbs, size_t count) { write(limbs, 4 * count); }
    void add(const std::vector<int64_t>& values) { write(values.data(), 8 * values.size()); }

    void close() {
        if (std::fflush(file_)) fail("cannot write a record: no space left?");
    }

  private:
    void write(const void* data, size_t bytes) {
        if (std::fwrite(data, 1, bytes, file_) != bytes) fail("cannot write a record: no space left?");
    }
    std::FILE* file_;
};

struct Stimulus {
    enum { FORMAT, SAMPLES, WORDS, LIMBS, LOAD, STALLS, ALONE, EVERY, BEFORE, AFTER, HANG, FIRST, FIELDS };
    int64_t head[FIELDS];
    std::vector<int64_t> ends, marks;
    std::vector<uint32_t> words;
    std::vector<int32_t> stalls;
    std::vector<uint8_t> gaps, load, load_gaps;

    explicit Stimulus(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        if (!file) fail("cannot read " + path);
        read(file, head, sizeof head);
        if (head[FORMAT] != Design::STIMULUS_FORMAT) fail(path + " is no stimulus of this version");
        ends = array<int64_t>(file, head[SAMPLES]);
        marks = array<int64_t>(file, head[SAMPLES]);
        words = array<uint32_t>(file, head[WORDS] * head[LIMBS]);
        stalls = array<int32_t>(file, head[STALLS]);
        gaps = array<uint8_t>(file, head[WORDS]);
        load = array<uint8_t>(file, head[LOAD]);
        load_gaps = array<uint8_t>(file, head[LOAD]);
    }

  private:
    static void read(std::ifstream& file, void* data, size_t bytes) {
        if (!file.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes)))
            fail("the stimulus ends too early");
    }
    template <class T>
    static std::vector<T> array(std::ifstream& file, int64_t count) {
        std::vector<T> values(static_cast<size_t>(count));
        read(file, values.data(), sizeof(T) * values.size());
        return values;
    }
};

// Offers words on a stream, each behind its gap.
class Driver {
  public:
    Driver(const std::vector<NamedPort>& ports, const std::string& prefix, const std::vector<uint8_t>& gaps)
        : payload(find(ports, prefix + "__payload")),
          valid(find(ports, prefix + "__valid")),
          ready(find(ports, prefix + "__ready")),
          gaps_(gaps) {}

    // Ahead of an edge: whether it takes the word.
    bool takes() const { return valid.high() && ready.high(); }

    // Behind an edge: offer the words before `stop`.
    template <class Put>
    void advance(bool taken, size_t stop, Put put) {
        if (taken) {
            ++at;
            drawn_ = false;
        } else if (valid.high()) {
            return;
        }
        valid.put(uint8_t{0});
        if (at >= stop) return;
        if (!drawn_) {
            gap_ = gaps_[at];
            drawn_ = true;
        }
        if (gap_) {
            --gap_;
            return;
        }
        put(payload, at);
        valid.put(uint8_t{1});
    }

    void withdraw() { valid.put(uint8_t{0}); }

    size_t at = 0;
    Port payload, valid, ready;

  private:
    const std::vector<uint8_t>& gaps_;
    bool drawn_ = false;
    uint8_t gap_ = 0;
};

// What one group shows.
class Group {
  public:
    Group(const std::vector<NamedPort>& ports, std::istringstream& line, const std::string& folder,
          size_t index) {
        std::string trace, row, sent;
        if (!(line >> trace >> row >> sent >> bits_ >> rows_wanted_ >> ticks_wanted_)) fail("bad group line");
        valid_ = find(ports, trace + "__valid");
        row_ = find(ports, trace + "__" + row);
        v_ = find(ports, trace + "__v");
        sent_valid_ = find(ports, sent + "__valid");
        filled_ = find(ports, sent + "__filled");
        words_ = find(ports, sent + "__words");
        trace_.resize(1 + v_.limbs());
        chunk_.resize(words_.limbs() + 1);
        word_.resize((bits_ + 31) / 32);
        rows_file_ = std::make_unique<Record>(folder + "/trace" + std::to_string(index));
        sent_file_ = std::make_unique<Record>(folder + "/sent" + std::to_string(index));
    }

    void look() {
        if (valid_.high()) {
            trace_[0] = static_cast<uint32_t>(row_.value());
            v_.get(trace_.data() + 1);
            rows_file_->add(trace_.data(), trace_.size());
            ++rows;
        }
        if (sent_valid_.high()) take();
    }

    // Record the words that the port shows, whether it is full or not.
    void take() {
        words_.get(chunk_.data());
        for (uint64_t k = filled_.value(); k-- > 0;) {
            const size_t low = static_cast<size_t>(k) * bits_;
            for (size_t limb = 0; limb < word_.size(); ++limb) {
                const size_t at = low + 32 * limb;
                const uint64_t both = chunk_[at / 32] | uint64_t{chunk_[at / 32 + 1]} << 32;
                word_[limb] = static_cast<uint32_t>(both >> at % 32);
            }
            if (bits_ % 32) word_.back() &= (uint32_t{1} << bits_ % 32) - 1;
            ticks += word_.back() >> (bits_ - 1) % 32 & 1;
            sent_file_->add(word_.data(), word_.size());
        }
    }

    bool complete() const { return rows >= rows_wanted_ && ticks >= ticks_wanted_; }

    void close() {
        rows_file_->close();
        sent_file_->close();
    }

    int64_t rows = 0, ticks = 0;

  private:
    Port valid_, row_, v_, sent_valid_, filled_, words_;
    size_t bits_ = 0;
    int64_t rows_wanted_ = 0, ticks_wanted_ = 0;
    Word trace_, chunk_, word_;
    std::unique_ptr<Record> rows_file_, sent_file_;
};

class Bench {
  public:
    Bench(Design& design, const std::string& job)
        : design_(design), ports_(design.ports()), clk_(*design.pin("clk")), rst_(*design.pin("rst")) {
        std::ifstream file(job);
        if (!file) fail("cannot read " + job);
        for (std::string text; std::getline(file, text);) {
            std::istringstream line(text);
            std::string key, value;
            line >> key;
            if (key == "stimulus" && std::getline(line >> std::ws, value)) {
                stimulus_ = std::make_unique<Stimulus>(value);
            } else if (key == "records" && std::getline(line >> std::ws, value)) {
                folder_ = value;
            } else if (key == "group") {
                groups_.push_back(std::make_unique<Group>(ports_, line, folder_, groups_.size()));
            } else if (key == "counter" && line >> value) {
                counters_.push_back({value, find(ports_, value)});
            } else if (key == "goes_on") {
                goes_on_ = true;
            } else if (key == "cut" && line >> cut_) {
            } else if (key == "saif" && std::getline(line >> std::ws, value)) {
                saif_path_ = value;
            } else {
                fail("bad job line: " + text);
            }
        }
        result_.open(folder_ + "/result");
        if (!result_) fail("cannot write " + folder_ + "/result");
    }

    void run() {
        const Stimulus& s = *stimulus_;
        const bool every = s.head[Stimulus::EVERY], alone = s.head[Stimulus::ALONE];
        const size_t samples = s.ends.size(), limbs = s.head[Stimulus::LIMBS];
        Driver driver(ports_, "i", s.gaps);
        std::unique_ptr<Driver> loader;
        if (!s.load.empty()) loader = std::make_unique<Driver>(ports_, "load", s.load_gaps);
        const Port loaded = loader ? find(ports_, "loaded") : Port{};
        const Port o_payload = find(ports_, "o__payload"), o_valid = find(ports_, "o__valid"),
                   o_ready = find(ports_, "o__ready");
        Record output(folder_ + "/output");
        Word word(o_payload.limbs()), waiting(o_payload.limbs());
        const size_t top = Design::PAYLOAD_BITS - 1;
        std::vector<int64_t> started, ended;

        o_ready.put(uint8_t{0});
        // What an earlier run has left on offer is there until the reset has acted.
        rst_ = !goes_on_;
        for (int k = 0; k < 4; ++k) edge();
        rst_ = 0;
        driver.withdraw();
        if (loader) loader->withdraw();
        for (int64_t k = 0; k < s.head[Stimulus::BEFORE]; ++k) edge();
        if (loader && s.head[Stimulus::FIRST]) load(*loader, loaded, s);

        bool held = false, is_loaded = !loader || loaded_first_;
        size_t run = 0;
        int64_t left = 0, marks = 0, still = 0, drain = -1;
        const int64_t end = cut_ < 0 ? -1 : cycle_ + cut_;
        const auto offer = [&](bool taken) {
            // Alone, a sample waits until the one before it has left.
            const size_t stop = alone ? s.ends[std::min(ended.size(), samples - 1)] : s.gaps.size();
            driver.advance(taken, stop, [&](const Port& port, size_t at) {
                port.put(s.words.data() + at * limbs);
            });
        };
        const auto load_on = [&](bool taken) {
            loader->advance(taken, s.load.size(), [&](const Port& port, size_t at) { port.put(s.load[at]); });
        };
        // Behind the edge on which everything begins.
        if (!is_loaded) load_on(false);
        offer(false);
        if (s.stalls.empty()) o_ready.put(uint8_t{1});
        while (true) {
            settle();
            if (cycle_ == end) {
                verdict("cut");
                break;
            }
            bool moved = false;
            const bool taken = driver.takes();
            if (taken && driver.at == (started.empty() ? 0 : static_cast<size_t>(s.ends[started.size() - 1]))) {
                started.push_back(cycle_);
                if (started.size() == 1) {
                    snapshot();
                    watch(true);
                }
            }
            const bool load_taken = !is_loaded && loader->takes();
            moved |= load_taken;
            if (o_valid.high()) {
                o_payload.get(word.data());
                if (held && word != waiting) {
                    rule("payload changed from " + bits(waiting) + " to " + bits(word) +
                         " before it was taken");
                    break;
                }
                held = !o_ready.high();
                if (held) {
                    waiting = word;
                } else {
                    output.add(word.data(), word.size());
                    if (every || word[top / 32] >> top % 32 & 1) {
                        ++marks;
                        moved = true;
                        if (ended.size() < samples && marks == s.marks[ended.size()]) {
                            ended.push_back(cycle_);
                            if (ended.size() == samples) {
                                snapshot();
                                watch(false);
                            }
                        }
                    }
                }
            } else if (held) {
                rule("valid fell before " + bits(waiting) + " was taken");
                break;
            }
            for (const auto& group : groups_) {
                const int64_t rows = group->rows;
                group->look();
                moved |= group->rows != rows;
            }
            still = moved ? 0 : still + 1;
            if (drain < 0 && ended.size() == samples && complete()) drain = s.head[Stimulus::AFTER];
            // Half of it comes to rest what still moves, and the other half shows the design at rest.
            if (drain == s.head[Stimulus::AFTER] / 2) snapshot();
            if (drain >= 0 && drain-- == 0) {
                verdict("finished");
                break;
            }
            if (drain < 0 && still > s.head[Stimulus::HANG]) {
                verdict("hangs");
                break;
            }
            tick();
            offer(taken);
            if (!is_loaded) {
                load_on(load_taken);
                is_loaded = loader->at == s.load.size();
            }
            if (!s.stalls.empty()) {
                while (left == 0) {
                    left = s.stalls[run];
                    o_ready.put(static_cast<uint8_t>(~run & 1));
                    run = (run + 1) % s.stalls.size();
                }
                --left;
            }
        }
        for (const auto& group : groups_) {
            group->take();
            group->close();
        }
        output.close();
        snapshot();
        write_times(started, ended);
        result_ << "marks " << marks << "\ncycles " << cycle_ << "\n";
        result_ << "started " << started.size() << "\nended " << ended.size() << "\n";
        if (!result_.flush()) fail("cannot write the result");
        design_.write_coverage(folder_ + "/coverage");
    }

  private:
    // Fill the memories before anything else happens.
    void load(Driver& loader, const Port& loaded, const Stimulus& s) {
        const auto put = [&](const Port& port, size_t at) { port.put(s.load[at]); };
        bool taken = false;
        int64_t still = 0;
        while (true) {
            loader.advance(taken, s.load.size(), put);
            settle();
            if (loaded.high() && loader.at == s.load.size()) break;
            taken = loader.takes();
            still = taken ? 0 : still + 1;
            if (still > s.head[Stimulus::HANG]) break;
            tick();
        }
        loaded_first_ = true;
    }

    void settle() {
        clk_ = 0;
        design_.eval();
        seen(0);
    }
    void tick() {
        clk_ = 1;
        design_.eval();
        seen(1);
        ++cycle_;
    }

    void watch(bool starts) {
        if (saif_path_.empty()) return;
        if (!starts) design_.close_saif();
        else if (!design_.open_saif(saif_path_)) fail("this model cannot write " + saif_path_);
        watched_ = starts;
    }
    void seen(int half) {
        if (watched_) design_.dump_saif(static_cast<uint64_t>(2 * cycle_ + half));
    }

    void edge() {
        settle();
        tick();
    }

    bool complete() const {
        for (const auto& group : groups_)
            if (!group->complete()) return false;
        return true;
    }

    void snapshot() {
        for (const auto& [name, port] : counters_)
            result_ << "count " << snapshots_ << " " << name << " " << port.value() << "\n";
        ++snapshots_;
    }

    void verdict(const std::string& text) { result_ << "verdict " << text << "\n"; }
    void rule(const std::string& text) {
        verdict("broke");
        result_ << "rule " << text << "\n";
    }

    static std::string bits(const Word& word) {
        std::string text;
        for (size_t k = Design::PAYLOAD_BITS; k-- > 0;) text += word[k / 32] >> k % 32 & 1 ? '1' : '0';
        return text;
    }

    void write_times(const std::vector<int64_t>& started, const std::vector<int64_t>& ended) {
        Record times(folder_ + "/times");
        times.add(started);
        times.add(ended);
        times.close();
    }

    Design& design_;
    const std::vector<NamedPort>& ports_;
    uint8_t& clk_;
    uint8_t& rst_;
    std::unique_ptr<Stimulus> stimulus_;
    std::string folder_, saif_path_;
    std::vector<std::unique_ptr<Group>> groups_;
    std::vector<std::pair<std::string, Port>> counters_;
    std::ofstream result_;
    int64_t cycle_ = 0, cut_ = -1;
    int snapshots_ = 0;
    bool loaded_first_ = false, goes_on_ = false, watched_ = false;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) fail("usage: bench JOB, or bench - with a job in each line of standard input");
    const auto design = Design::make();
    if (std::string(arguments[1]) != "-") {
        Bench(*design, arguments[1]).run();
        return 0;
    }
    for (std::string job; std::getline(std::cin, job);) {
        Bench(*design, job).run();
        std::cout << "done" << std::endl;
    }
    return 0;
}
