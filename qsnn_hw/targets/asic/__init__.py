"""The ASIC target: the network as a digital crossbar in standard cells and SRAM macros."""
