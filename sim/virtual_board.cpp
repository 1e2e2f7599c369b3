// A board in simulation: Verilator's model of the board's design, its serial pins at a pseudo-terminal.
//
// Linked with the model as bench.cpp is (design.h); qsnn_hw/host/virtual_board.py starts it, and hands over the
// pseudo-terminal's master. It ends when its standard input does, so that nothing is left running whatever
// became of the process that started it. "p" there presses the reset button.
//
//     virtual_board MASTER CLOCK_HZ RELEASED BYTES
//
// MASTER   file descriptor of the pseudo-terminal
// CLOCK_HZ of the design's system clock
// RELEASED level of the reset button while nobody presses it; without meaning where there is none
// BYTES    0: the pins carry bits; 1: byte mode, whose Verilog calls qsnn_receive and qsnn_send
//
// Bits have the length of the rate that the pseudo-terminal is set to, as a USB adapter's have: a host with
// another rate than the board's is not understood. A zero byte at a rate so slow that it counts as a break is
// one, and resets the design, in byte mode, too.
//
// Which line the design has, its ports say: rx and tx of a UART, or sck, cs, mosi and miso of SPI. Of SPI this is
// the controller: for each byte that the host writes it reads the one that came meanwhile, and the rate is sck's.

#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "design.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;
using std::chrono::milliseconds;

// Cycles between two looks at the host: a fraction of a byte's time.
constexpr uint64_t SLICE = 64;
// Cycles between two looks at the clock on the wall.
constexpr uint64_t PACE = 4096;
// Cycles of a byte on the fastest line that the design takes: 10 bits of 4 cycles.
constexpr int BYTE_CYCLES = 40;
constexpr double QUIET_S = 2.0;
constexpr milliseconds QUIET_NAP{5};
// Time that is made up for by running faster than the board would. More is dropped: a board that sleeps after
// some milliseconds would fall asleep sooner than the host's clock says.
constexpr double MADE_UP_S = 0.001;
// How long time stands still while nobody takes what the board sent; what comes then is lost.
constexpr int PATIENCE_MS = 1000;
constexpr uint64_t PRESSED_CYCLES = 1000;

struct Byte {
    uint8_t value;
    double bit_cycles;
};

// The host's end of the line: reads as soon as something comes, as an adapter does.
class Host {
  public:
    Host(int master, double clock_hz) : master_(master), clock_hz_(clock_hz) {
        fcntl(master_, F_SETFL, fcntl(master_, F_GETFL) | O_NONBLOCK);
        look_at_rate();
        std::thread([this] { listen(); }).detach();
    }

    std::atomic<bool> ended{false}, pressed{false};
    std::atomic<double> bit_cycles{1};
    uint64_t bytes_in = 0, bytes_out = 0, lost = 0;

    bool take(std::deque<Byte>& into) {
        if (!waiting_.load(std::memory_order_acquire)) return false;
        const std::lock_guard lock(mutex_);
        into.insert(into.end(), queue_.begin(), queue_.end());
        bytes_in += queue_.size();
        queue_.clear();
        waiting_ = false;
        return true;
    }

    void nap(milliseconds time) {
        std::unique_lock lock(mutex_);
        woken_.wait_for(lock, time, [this] { return waiting_ || ended || pressed; });
    }

    void give(const std::vector<uint8_t>& bytes) {
        size_t given = 0;
        for (int waited = 0; given < bytes.size() && !ended;) {
            const ssize_t count = write(master_, bytes.data() + given, bytes.size() - given);
            if (count > 0) {
                given += static_cast<size_t>(count);
                patient_ = true;
            } else if (patient_ && waited++ < PATIENCE_MS) {
                std::this_thread::sleep_for(milliseconds(1));
            } else {
                patient_ = false;
                break;
            }
        }
        bytes_out += given;
        lost += bytes.size() - given;
    }

  private:
    void look_at_rate() {
        struct termios2 settings;
        if (ioctl(master_, TCGETS2, &settings) == 0 && settings.c_ospeed > 0)
            bit_cycles = clock_hz_ / settings.c_ospeed;
    }

    void listen() {
        uint8_t data[4096];
        pollfd watched[] = {{master_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        while (!ended) {
            if (poll(watched, 2, -1) < 0 && errno != EINTR) break;
            if (watched[1].revents) {
                char word = 0;
                if (read(STDIN_FILENO, &word, 1) <= 0) break;
                if (word == 'p') pressed = true;
                woken_.notify_one();
            }
            if (!watched[0].revents) continue;
            const ssize_t count = read(master_, data, sizeof data);
            if (count <= 0) {
                if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
                break;
            }
            look_at_rate();
            const std::lock_guard lock(mutex_);
            for (ssize_t k = 0; k < count; ++k) queue_.push_back({data[k], bit_cycles});
            waiting_ = true;
            woken_.notify_one();
        }
        ended = true;
        woken_.notify_one();
    }

    const int master_;
    const double clock_hz_;
    std::mutex mutex_;
    std::condition_variable woken_;
    std::deque<Byte> queue_;
    std::atomic<bool> waiting_{false};
    bool patient_ = true;
};

// Bytes as levels of a pin: start bit, eight bits lowest first, stop bit.
class Sender {
  public:
    bool busy() const { return left_ > 0; }

    void start(const Byte& byte, double now) {
        shift_ = 1u << 9 | static_cast<unsigned>(byte.value) << 1;
        bit_cycles_ = byte.bit_cycles;
        // Back to back with the byte before it, whose last bit may end between two cycles.
        if (ends_ + 1 < now) ends_ = now;
        left_ = 10;
        ends_ += bit_cycles_;
    }

    uint8_t level(double now) {
        while (left_ && now >= ends_) {
            shift_ >>= 1;
            if (--left_) ends_ += bit_cycles_;
        }
        return left_ ? shift_ & 1 : 1;
    }

  private:
    unsigned shift_ = 1;
    int left_ = 0;
    double ends_ = 0, bit_cycles_ = 1;
};

// Levels of a pin as bytes, sampled in the middle of each bit; a byte without a stop bit is dropped.
class Receiver {
  public:
    // 0 to 255, or -1 where no byte ends now.
    int look(bool level, double now, double bit_cycles) {
        if (count_ < 0) {
            if (level || !was_high_) {
                was_high_ = level;
                return -1;
            }
            count_ = 0;
            bit_cycles_ = bit_cycles;
            next_ = now + 0.5 * bit_cycles;
        }
        was_high_ = level;
        if (now < next_) return -1;
        next_ += bit_cycles_;
        const int position = count_++;
        if (position == 0) {
            if (level) count_ = -1;
            byte_ = 0;
        } else if (position <= 8) {
            byte_ |= level << (position - 1);
        } else {
            count_ = -1;
            return level ? byte_ : -1;
        }
        return -1;
    }

  private:
    bool was_high_ = true;
    int count_ = -1, byte_ = 0;
    double next_ = 0, bit_cycles_ = 1;
};

// Of byte mode: what the Verilog that stands in for the serial port asks for, and what it sends.
std::deque<Byte> to_board;
std::vector<uint8_t> from_board;
double break_bit_cycles = 0;

// What is at the pins: takes bytes of to_board, and gives those that come to from_board.
class Line {
  public:
    virtual ~Line() = default;
    virtual bool busy() const = 0;
    // Drives the pins for the cycle that begins now.
    virtual void drive(double now) = 0;
    // Looks at them before its edge.
    virtual void look(double now, double bit_cycles) = 0;
};

class Uart : public Line {
  public:
    Uart(uint8_t* rx, const uint8_t* tx, bool bytes) : rx_(rx), tx_(tx), bytes_(bytes) {}

    bool busy() const override { return sender_.busy(); }

    void drive(double now) override {
        if (!sender_.busy() && !to_board.empty() && (!bytes_ || to_board.front().bit_cycles > break_bit_cycles)) {
            sender_.start(to_board.front(), now);
            to_board.pop_front();
        }
        *rx_ = sender_.level(now);
    }

    void look(double now, double bit_cycles) override {
        if (bytes_) return;
        const int byte = receiver_.look(*tx_, now, bit_cycles);
        if (byte >= 0) from_board.push_back(static_cast<uint8_t>(byte));
    }

  private:
    uint8_t* const rx_;
    const uint8_t* const tx_;
    const bool bytes_;
    Sender sender_;
    Receiver receiver_;
};

// The controller of SPI, mode 0, highest bit first: cs is low while there are bytes.
class Spi : public Line {
  public:
    Spi(uint8_t* sck, uint8_t* cs, uint8_t* mosi, const uint8_t* miso)
        : sck_(sck), cs_(cs), mosi_(mosi), miso_(miso) {
        *sck_ = 0;
        *cs_ = 1;
    }

    bool busy() const override { return phase_ != Phase::rest; }

    void drive(double now) override {
        if (now < next_) return;
        switch (phase_) {
            case Phase::rest:
                if (to_board.empty()) return;
                // Not back to back with anything: time passed.
                next_ = now;
                *cs_ = 0;
                begin();
                break;
            case Phase::low:
                // What the design drives at the edge that rises is this bit.
                came_ = static_cast<uint8_t>(came_ << 1 | (*miso_ & 1));
                *sck_ = 1;
                phase_ = Phase::high;
                break;
            case Phase::high:
                *sck_ = 0;
                sent_ = static_cast<uint8_t>(sent_ << 1);
                phase_ = Phase::low;
                if (++bit_ < 8) {
                    *mosi_ = sent_ >> 7;
                } else {
                    from_board.push_back(came_);
                    if (to_board.empty())
                        phase_ = Phase::end;
                    else
                        begin();
                }
                break;
            case Phase::end:
                *cs_ = 1;
                phase_ = Phase::rest;
                break;
        }
        next_ += half_;
    }

    void look(double, double) override {}

  private:
    enum class Phase { rest, low, high, end };

    void begin() {
        sent_ = to_board.front().value;
        half_ = to_board.front().bit_cycles / 2;
        to_board.pop_front();
        bit_ = 0;
        *mosi_ = sent_ >> 7;
        phase_ = Phase::low;
    }

    uint8_t *const sck_, *const cs_, *const mosi_;
    const uint8_t* const miso_;
    Phase phase_ = Phase::rest;
    uint8_t sent_ = 0, came_ = 0;
    int bit_ = 0;
    double half_ = 0, next_ = 0;
};

class Board {
  public:
    Board(int master, double clock_hz, uint8_t released, bool bytes)
        : host_(master, clock_hz), clock_hz_(clock_hz), released_(released) {
        const Design& top = *design_;
        if (uint8_t* rx = top.pin("rx"))
            line_ = std::make_unique<Uart>(rx, top.pin("tx"), bytes);
        else if (top.pin("sck"))
            line_ = std::make_unique<Spi>(top.pin("sck"), top.pin("cs"), top.pin("mosi"), top.pin("miso"));
        else
            std::fprintf(stderr, "the design has no line to a host\n"), std::exit(1);
        button_ = top.pin("rst");
        if (button_) *button_ = released_;
        // Half of a break: of the rates that any board has, none comes near.
        break_bit_cycles = 0.001 * clock_hz / 20;
    }

    void run() {
        while (!host_.ended) {
            for (uint64_t k = 0; k < SLICE; ++k) step();
            if (host_.take(to_board)) active();
            if (!from_board.empty()) {
                active();
                host_.give(from_board);
                from_board.clear();
            }
            if (host_.pressed.exchange(false)) press();
            if (cycle_ % PACE == 0) pace();
        }
        std::printf("cycles %llu in %llu out %llu lost %llu led %llu\n", static_cast<unsigned long long>(cycle_),
                    static_cast<unsigned long long>(host_.bytes_in), static_cast<unsigned long long>(host_.bytes_out),
                    static_cast<unsigned long long>(host_.lost), static_cast<unsigned long long>(led_changes_));
    }

  private:
    void step() {
        const double now = static_cast<double>(cycle_);
        line_->drive(now);
        clk_ = 0;
        design_->eval();
        line_->look(now, bit_cycles_);
        if (lights_ != led_) {
            led_ = lights_;
            ++led_changes_;
        }
        clk_ = 1;
        design_->eval();
        ++cycle_;
    }

    void active() { last_ = Clock::now(); }

    // No faster than the board, and next to no work while nothing goes over the line.
    void pace() {
        bit_cycles_ = host_.bit_cycles;
        const auto now = Clock::now();
        if (!line_->busy() && to_board.empty() && duration<double>(now - last_).count() > QUIET_S)
            host_.nap(QUIET_NAP);
        const duration<double> ahead(static_cast<double>(cycle_ - paced_) / clock_hz_);
        const duration<double> left = ahead - (now - began_);
        if (left.count() > 0.001) {
            std::this_thread::sleep_for(left);
        } else if (left.count() < -MADE_UP_S) {
            began_ = now;
            paced_ = cycle_;
        }
    }

    void press() {
        if (!button_) return;
        *button_ = !released_;
        for (uint64_t k = 0; k < PRESSED_CYCLES; ++k) step();
        *button_ = released_;
        active();
    }

    const std::unique_ptr<Design> design_ = Design::make();
    uint8_t& clk_ = *design_->pin("clk");
    const uint8_t& lights_ = *design_->pin("led");
    Host host_;
    const double clock_hz_;
    std::unique_ptr<Line> line_;
    uint8_t* button_ = nullptr;
    const uint8_t released_;
    uint8_t led_ = 0;
    uint64_t cycle_ = 0, paced_ = 0, led_changes_ = 0;
    double bit_cycles_ = 1;
    Clock::time_point last_ = Clock::now(), began_ = Clock::now();
};

}  // namespace

// Called by the Verilog of byte mode, a cycle apart at the least; see qsnn_hw/host/byte_mode.py.
extern "C" int qsnn_receive() {
    if (to_board.empty() || to_board.front().bit_cycles > break_bit_cycles) return -1;
    const int byte = to_board.front().value;
    to_board.pop_front();
    return byte;
}

extern "C" void qsnn_send(int byte) { from_board.push_back(static_cast<uint8_t>(byte)); }

int main(int count, char** arguments) {
    if (count != 5) {
        std::fprintf(stderr, "usage: virtual_board MASTER CLOCK_HZ RELEASED BYTES\n");
        return 1;
    }
    Board board(std::atoi(arguments[1]), std::atof(arguments[2]), std::atoi(arguments[3]) != 0,
                std::atoi(arguments[4]) != 0);
    board.run();
    return 0;
}
