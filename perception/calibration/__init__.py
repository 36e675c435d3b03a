"""Where sensors are mounted and how their clocks differ, solved from motion, with how sure that is."""
